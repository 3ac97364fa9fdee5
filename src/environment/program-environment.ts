import type { Environment } from '../foundation/process-environment.ts';
import { checkEnvironment } from './check-environment.ts';
import { exemptions, NO_PROXY } from './endpoint-variables.ts';
import { activeProfiles, profileParts, settingOf } from './profiles.ts';
import { ENDPOINT, KEY_COMPANIONS, KEY_READERS } from './rules.ts';
import type { Finding, SdkSettings, SharedFile, SharedFiles } from './sdk-settings.ts';

/** Where a program under `exec` gets its credentials from. */
export type ProgramCredentials =
  | { readonly from: 'endpoint'; readonly url: string; readonly variables: EndpointVariables }
  | { readonly from: 'keys'; readonly variables: Readonly<Record<string, string>> };

interface EndpointVariables {
  readonly AWS_CONTAINER_CREDENTIALS_FULL_URI: string;
  readonly AWS_CONTAINER_AUTHORIZATION_TOKEN: string;
}

export interface ProgramEnvironment {
  readonly environment: Readonly<Record<string, string>>;
  /** Settings that still take precedence, with the clients that prefer them. */
  readonly findings: readonly Finding[];
}

/**
 * The environment of a program that must use these credentials and no others. It keeps everything
 * else of the caller: without a profile, the region is kept as variables.
 *
 * @param files - the shared files of the caller.
 */
export function programEnvironment(
  caller: Environment,
  files: SharedFiles,
  credentials: ProgramCredentials,
): ProgramEnvironment {
  const { from, variables } = credentials;
  const kept = Object.fromEntries(
    Object.entries(caller).filter(
      (entry): entry is [string, string] => entry[1] !== undefined && !CREDENTIAL_VARIABLES.has(entry[0]),
    ),
  );
  const environment = { ...kept, ...regionVariables(caller, files), ...variables };
  // SDKs take keys in variables first.
  if (from === 'keys') return { environment, findings: [] };
  const isUsed = (file: SharedFile): boolean => !hasCredentials(file, files);
  const blank = (file: SharedFile): SharedFile =>
    isUsed(file) ? file : { path: NO_FILE, unreadable: undefined, sections: [], faults: [] };
  const named = {
    ...environment,
    // Without the second one, JavaScript v2 ignores the first.
    ...(isUsed(files.credentials) ? {} : { AWS_SHARED_CREDENTIALS_FILE: NO_FILE, AWS_SDK_LOAD_CONFIG: '1' }),
    ...(isUsed(files.config) ? {} : { AWS_CONFIG_FILE: NO_FILE }),
    ...(files.boto.every(isUsed) ? {} : { BOTO_CONFIG: NO_FILE }),
    ...proxyExemptions(environment, credentials.url),
    // Four clients ask IMDS when container credentials fail, and could get another role there.
    AWS_EC2_METADATA_DISABLED: 'true',
  };
  const left: SdkSettings = {
    environment: named,
    files: {
      ...{ config: blank(files.config), credentials: blank(files.credentials), boto: files.boto.map(blank) },
      ...{ olderKeys: [], unreadable: {} },
    },
    endpoint: { url: credentials.url, region: undefined, container: credentials.url },
  };
  const findings = checkEnvironment(left).filter(({ effects }) => effects.some(({ severity }) => severity === 'other'));
  return { environment: named, findings };
}

/** An empty file for every client. */
const NO_FILE = '/dev/null';

/** All variables that select credentials, and those of IMDS. */
const CREDENTIAL_VARIABLES: ReadonlySet<string> = new Set([
  ...KEY_READERS.flatMap(({ id, secret }) => [...id, ...secret]),
  ...KEY_COMPANIONS,
  ...['AWS_CREDENTIAL_EXPIRATION', 'AWS_CREDENTIAL_FILE', 'AWS_PROFILE', 'AWS_DEFAULT_PROFILE'],
  ...['AWS_WEB_IDENTITY_TOKEN_FILE', 'AWS_ROLE_ARN', 'AWS_ROLE_SESSION_NAME'],
  ...['AWS_CONTAINER_CREDENTIALS_RELATIVE_URI', 'AWS_CONTAINER_CREDENTIALS_FULL_URI'],
  ...['AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE', 'AWS_CONTAINER_AUTHORIZATION_TOKEN'],
  ...[ENDPOINT, 'AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE'],
]);

/** Settings of a profile that select credentials. They take precedence over an endpoint. */
const CREDENTIAL_SETTING =
  /^(?:aws_access_key_id|aws_secret_access_key|credential_process|credential_source|login_session|role_arn|source_profile|sso_\w+|web_identity_token_file)$/;

function hasCredentials(file: SharedFile, files: SharedFiles): boolean {
  const without: SdkSettings = { environment: {}, files, endpoint: { url: '', region: undefined } };
  const sections = files.boto.includes(file)
    ? file.sections.filter(({ title }) => title === 'Credentials')
    : profileParts('default', without)
        .filter((part) => part.file === file)
        .map(({ section }) => section);
  return sections.some(({ settings }) => [...settings.keys()].some((name) => CREDENTIAL_SETTING.test(name)));
}

/** The region of the profile that is no longer selected. */
function regionVariables(caller: Environment, files: SharedFiles): Readonly<Record<string, string>> {
  const [profile] = activeProfiles({ environment: caller, files, endpoint: { url: '', region: undefined } });
  const region = profile && settingOf(profile, 'region');
  if (region === undefined) return {};
  const unset = ['AWS_REGION', 'AWS_DEFAULT_REGION'].filter((name) => !caller[name]);
  return Object.fromEntries(unset.map((name) => [name, region]));
}

/**
 * Extends the lists that the caller has: clients that read both names would ignore the other list.
 */
function proxyExemptions(environment: Environment, url: string): Readonly<Record<string, string>> {
  const set = NO_PROXY.filter((name) => environment[name]);
  const names = set.length > 0 ? set : NO_PROXY;
  return Object.fromEntries(
    names.map((name) => [name, [environment[name], exemptions(url)].filter(Boolean).join(',')]),
  );
}
