// Settings that keep clients from an endpoint, as data: one row for each variable or profile
// setting, with the behaviour of each client. test/environment/real-clients.test.ts runs real
// clients for every row. For the clients that it does not run (.NET, C++, Ruby, PHP), the rows
// follow their sources.

import { isIP } from 'node:net';
import { isInRange, plainHost } from '../foundation/address.ts';
import { ALL_CLIENTS, allBut, BOTOCORE, type Client, GO, JVM } from './clients.ts';
import { type EndpointFault, endpointFault } from './endpoint-form.ts';
import type { EnvironmentCode } from './environment-errors.ts';
import type { FaultKind } from './profile-file.ts';
import type { Effect, Fix, SdkSettings, SharedFile } from './sdk-settings.ts';

export interface Rule {
  readonly code: EnvironmentCode;
  readonly variable?: string;
  /**
   * Setting of the active profile. If both are given, the setting counts only if the variable is
   * not set.
   */
  readonly setting?: string;
  /** Variables and settings that have no effect without it. */
  readonly with?: readonly string[];
  /** Shown instead of the value, which may be secret or long. */
  readonly what?: string;
  /** Does not affect programs that ask the container endpoint. */
  readonly onlyImds?: true;
  /** Default: unset the variable, or remove the setting. */
  readonly fix?: (seen: Seen) => Fix;
  readonly readings: readonly Reading[];
}

/** Why the role of a profile cannot be assumed. */
export interface RoleFault {
  readonly what: string;
  /** Its source is missing or has no credentials. */
  readonly isMissing: boolean;
}

/** How clients interpret a value. */
export interface Reading extends Effect {
  readonly when: Predicate;
}

type Predicate = (value: string, seen: Seen) => boolean;

/** The context of a value. */
export interface Seen {
  readonly url: string;
  readonly isAtContainer: boolean;
  /** Whether it is a profile setting instead of a variable. */
  readonly isSetting: boolean;
  /** Other variables, or other settings of the same profile. */
  readonly other: (name: string) => string | undefined;
  /** Why the role of this profile cannot be assumed; undefined if it can, or if there is none. */
  readonly roleFault: RoleFault | undefined;
  /** It provides the credentials of this endpoint in another way. */
  readonly isOurs: boolean;
}

const isSet: Predicate = (value) => value !== '';
const isEmpty: Predicate = (value) => value === '';
const oneOf =
  (...values: readonly string[]): Predicate =>
  (value) =>
    values.includes(value);
const not =
  (predicate: Predicate): Predicate =>
  (value, seen) =>
    !predicate(value, seen);
const both =
  (one: Predicate, other: Predicate): Predicate =>
  (value, seen) =>
    one(value, seen) && other(value, seen);
const anyCase =
  (predicate: Predicate): Predicate =>
  (value, seen) =>
    predicate(value.toLowerCase(), seen);
const withOther =
  (name: string): Predicate =>
  (_, { other }) =>
    Boolean(other(name));
/** Like Python's `int`. */
const isInteger: Predicate = (value) => /^\s*[+-]?\d+\s*$/.test(value);
const isBelowOne: Predicate = (value) => Number(value) < 1;
const isVariable: Predicate = (_, { isSetting }) => !isSetting;
const isInProfile: Predicate = (_, { isSetting }) => isSetting;
const noCount: Predicate = (value, seen) => !isInteger(value, seen) || isBelowOne(value, seen);
const hasFault =
  (fault: EndpointFault): Predicate =>
  (value, { url }) =>
    value !== '' && endpointFault(value, url) === fault;

const fails = (clients: readonly Client[], when: Predicate): Reading => ({
  ...{ clients, when, severity: 'none', how: 'end with an error' },
});
const neverAsk = (clients: readonly Client[], when: Predicate): Reading => ({
  ...{ clients, when, severity: 'none', how: 'never ask IMDS' },
});
const takeIt = (clients: readonly Client[], when: Predicate, how: string): Reading => ({
  ...{ clients, when, severity: 'other', how },
});

export const ENDPOINT = 'AWS_EC2_METADATA_SERVICE_ENDPOINT';
export const ENDPOINT_SETTING = 'ec2_metadata_service_endpoint';
/** Clients that do not read this setting from a profile. */
export const VARIABLE_ONLY: readonly Client[] = ['JavaScript v2', 'C++', 'CRT'];
const setEndpoint = ({ url, isAtContainer }: Seen): Fix =>
  isAtContainer ? { do: 'unset', names: [ENDPOINT] } : { do: 'set', variables: { [ENDPOINT]: url } };
const TRUE_OR_FALSE = anyCase(oneOf('true', 'false'));
const USE_SOURCE = 'use that and never ask the endpoint, or end with an error';

/** The variable or the setting is the same in all of these. */
const ENDPOINT_RULES: readonly Omit<Rule, 'variable' | 'setting' | 'fix'>[] = [
  {
    code: 'ENV_ENDPOINT_NO_SCHEME',
    readings: [fails(allBut('C++', 'CRT'), hasFault('no-scheme'))],
  },
  {
    code: 'ENV_ENDPOINT_NOT_A_URL',
    // Clients react differently to each invalid form.
    readings: [fails(ALL_CLIENTS, hasFault('not-a-url'))],
  },
  {
    code: 'ENV_ENDPOINT_HTTPS',
    onlyImds: true,
    readings: [fails(allBut('CRT'), hasFault('https'))],
  },
  {
    code: 'ENV_ENDPOINT_ELSEWHERE',
    onlyImds: true,
    readings: [takeIt(ALL_CLIENTS, hasFault('elsewhere'), 'ask there')],
  },
  {
    code: 'ENV_ENDPOINT_PATH',
    onlyImds: true,
    readings: [
      {
        // The others ignore it and find the endpoint.
        clients: [...BOTOCORE, ...JVM, 'JavaScript v2', '.NET', 'C++', 'Rust', 'PHP'],
        when: hasFault('path'),
        severity: 'none',
        how: 'ask below it and get 404',
      },
    ],
  },
];

export const RULES: readonly Rule[] = [
  {
    code: 'ENV_JAVA_PROPERTY',
    variable: 'JAVA_TOOL_OPTIONS',
    what: 'sets a property of the SDK (-Daws.…)',
    readings: [
      takeIt(
        JVM,
        (value) =>
          /-Daws\.(?:accessKeyId=.|disableEc2Metadata=true|profile=|configFile=|webIdentityTokenFile=|ec2MetadataServiceEndpoint=)/i.test(
            value,
          ),
        'look there before any variable',
      ),
    ],
  },
  {
    code: 'ENV_WEB_IDENTITY',
    variable: 'AWS_WEB_IDENTITY_TOKEN_FILE',
    with: ['AWS_ROLE_ARN', 'AWS_ROLE_SESSION_NAME'],
    what: 'is set',
    readings: [
      takeIt(
        ALL_CLIENTS,
        both(isSet, withOther('AWS_ROLE_ARN')),
        'ask STS for a role with that token, or end with an error',
      ),
      // The others ignore a token without a role.
      fails([...BOTOCORE, ...GO], both(isSet, not(withOther('AWS_ROLE_ARN')))),
      fails(['Rust'], both(isEmpty, withOther('AWS_ROLE_ARN'))),
    ],
  },
  {
    code: 'ENV_EMPTY_VARIABLE',
    variable: 'AWS_PROFILE',
    // botocore uses the first one that is set, even if empty (configprovider.py).
    readings: [
      fails(
        BOTOCORE,
        both(isEmpty, (_, { other }) => other('AWS_DEFAULT_PROFILE') === undefined),
      ),
    ],
  },
  { code: 'ENV_EMPTY_VARIABLE', variable: 'AWS_DEFAULT_PROFILE', readings: [fails(BOTOCORE, isEmpty)] },
  {
    code: 'ENV_EMPTY_VARIABLE',
    variable: 'AWS_CONTAINER_CREDENTIALS_RELATIVE_URI',
    readings: [fails([...BOTOCORE, 'Rust'], isEmpty)],
  },
  {
    code: 'ENV_EMPTY_VARIABLE',
    variable: 'AWS_CONTAINER_CREDENTIALS_FULL_URI',
    readings: [fails([...BOTOCORE, 'Rust'], isEmpty)],
  },
  {
    code: 'ENV_METADATA_DISABLED',
    variable: 'AWS_EC2_METADATA_DISABLED',
    onlyImds: true,
    readings: [
      neverAsk(allBut('JavaScript v2', 'JavaScript v3', 'Java v2', 'CRT'), anyCase(oneOf('true'))),
      neverAsk(['JavaScript v2'], isSet),
      neverAsk(['JavaScript v3'], not(oneOf('', 'false'))),
      neverAsk(['Java v2', 'CRT'], not(anyCase(oneOf('false')))),
    ],
  },
  {
    code: 'ENV_METADATA_DISABLED',
    setting: 'disable_ec2_metadata',
    onlyImds: true,
    // No tested client reads it.
    readings: [
      { clients: [], when: anyCase(oneOf('true')), severity: 'none', how: 'never ask IMDS, where they read it' },
    ],
  },
  {
    code: 'ENV_ENDPOINT_MODE',
    variable: 'AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE',
    setting: 'ec2_metadata_service_endpoint_mode',
    readings: [
      fails(GO, both(isSet, not(anyCase(oneOf('ipv4', 'ipv6'))))),
      fails(BOTOCORE, not(anyCase(oneOf('ipv4', 'ipv6')))),
    ],
  },
  {
    code: 'ENV_VALUE_REJECTED',
    variable: 'AWS_METADATA_SERVICE_TIMEOUT',
    setting: 'metadata_service_timeout',
    readings: [fails(BOTOCORE, noCount), fails(['Java v2'], (value) => value.trim() === '' || !(Number(value) >= 0))],
  },
  {
    code: 'ENV_VALUE_REJECTED',
    variable: 'AWS_METADATA_SERVICE_NUM_ATTEMPTS',
    setting: 'metadata_service_num_attempts',
    readings: [fails(BOTOCORE, noCount)],
  },
  {
    code: 'ENV_VALUE_REJECTED',
    variable: 'AWS_MAX_ATTEMPTS',
    setting: 'max_attempts',
    readings: [
      fails([...BOTOCORE, 'Kotlin', 'Rust'], noCount),
      fails(['Java v2'], both(isVariable, noCount)),
      fails(['Go v2'], both(isSet, not(isInteger))),
    ],
  },
  {
    code: 'ENV_VALUE_REJECTED',
    variable: 'AWS_RETRY_MODE',
    setting: 'retry_mode',
    readings: [
      fails(BOTOCORE, not(oneOf('legacy', 'standard', 'adaptive'))),
      fails(['Go v2'], both(isSet, not(oneOf('standard', 'adaptive')))),
      fails(['Rust'], not(anyCase(oneOf('standard', 'adaptive')))),
      fails(['Kotlin'], not(anyCase(oneOf('legacy', 'standard', 'adaptive')))),
      fails(['Java v2'], both(isSet, not(anyCase(oneOf('legacy', 'standard', 'adaptive'))))),
    ],
  },
  {
    code: 'ENV_VALUE_REJECTED',
    variable: 'AWS_DEFAULTS_MODE',
    setting: 'defaults_mode',
    readings: [
      fails(
        [...BOTOCORE, 'Java v2', 'JavaScript v3'],
        not(anyCase(oneOf('legacy', 'standard', 'auto', 'in-region', 'cross-region', 'mobile'))),
      ),
      fails(
        ['Go v2'],
        both(isSet, not(anyCase(oneOf('legacy', 'standard', 'auto', 'in-region', 'cross-region', 'mobile')))),
      ),
    ],
  },
  {
    code: 'ENV_VALUE_REJECTED',
    variable: 'AWS_STS_REGIONAL_ENDPOINTS',
    setting: 'sts_regional_endpoints',
    readings: [
      fails([...BOTOCORE, 'Go v1'], both(isSet, not(oneOf('legacy', 'regional')))),
      fails(['JavaScript v2'], not(oneOf('legacy', 'regional'))),
    ],
  },
  ...(['FIPS', 'DUALSTACK'] as const).map((kind): Rule => ({
    code: 'ENV_VALUE_REJECTED',
    variable: `AWS_USE_${kind}_ENDPOINT`,
    setting: `use_${kind.toLowerCase()}_endpoint`,
    readings: [
      fails(GO, both(isVariable, both(isSet, not(TRUE_OR_FALSE)))),
      fails(['Java v2'], not(TRUE_OR_FALSE)),
      fails(['Kotlin'], both(isInProfile, not(TRUE_OR_FALSE))),
    ],
  })),
  {
    code: 'ENV_VALUE_REJECTED',
    variable: 'AWS_EC2_METADATA_V1_DISABLED',
    readings: [fails(['Go v2'], both(isSet, not(TRUE_OR_FALSE)))],
  },
  ...ENDPOINT_RULES.map((rule): Rule => ({
    ...{ variable: ENDPOINT, setting: ENDPOINT_SETTING, fix: setEndpoint },
    ...rule,
  })),
  {
    code: 'ENV_PROFILE_CREDENTIALS',
    setting: 'aws_access_key_id',
    with: ['aws_secret_access_key', 'aws_session_token', 'aws_security_token'],
    what: 'has access keys',
    readings: [takeIt(ALL_CLIENTS, both(isSet, withOther('aws_secret_access_key')), 'sign with these keys instead')],
  },
  {
    code: 'ENV_PROFILE_CREDENTIALS',
    setting: 'aws_access_key_id',
    with: ['aws_secret_access_key', 'aws_session_token', 'aws_security_token'],
    what: 'has half a pair of access keys, or empty ones',
    readings: [
      // botocore, Kotlin and Rust sign with empty keys.
      fails(BOTOCORE, (value, { other }) => value === '' || !other('aws_secret_access_key')),
      fails(['Kotlin'], (value, { other }) => value === '' && other('aws_secret_access_key') === ''),
      fails(['Go v2'], (value, { other }) => value !== '' && !other('aws_secret_access_key')),
      fails(['Rust'], (value, { other }) => value === '' || !other('aws_secret_access_key')),
    ],
  },
  {
    code: 'ENV_PROFILE_CREDENTIALS',
    setting: 'aws_secret_access_key',
    what: 'has a secret access key without its ID',
    readings: [fails(['Go v2', 'Rust'], both(isSet, not(withOther('aws_access_key_id'))))],
  },
  {
    code: 'ENV_PROFILE_CREDENTIALS',
    setting: 'credential_process',
    what: 'has a credential_process',
    readings: [takeIt(ALL_CLIENTS, (value, { isOurs }) => value !== '' && !isOurs, USE_SOURCE)],
  },
  ...['sso_session', 'sso_start_url', 'sso_account_id', 'login_session'].map((setting): Rule => ({
    code: 'ENV_PROFILE_CREDENTIALS',
    setting,
    with: ['sso_session', 'sso_start_url', 'sso_region', 'sso_account_id', 'sso_role_name'],
    what: setting === 'login_session' ? 'has a login session' : 'has a single sign-on',
    readings: [takeIt(ALL_CLIENTS, isSet, USE_SOURCE)],
  })),
  {
    code: 'ENV_PROFILE_CREDENTIALS',
    setting: 'sso_region',
    what: 'has a region for single sign-on, but no single sign-on',
    readings: [
      fails(['JavaScript v3', 'Go v2'], (value, { other }) => value !== '' && !SSO.some((name) => other(name))),
    ],
  },
  {
    code: 'ENV_PROFILE_CREDENTIALS',
    setting: 'web_identity_token_file',
    with: ['role_arn', 'role_session_name'],
    what: 'has a web identity token',
    readings: [
      takeIt(ALL_CLIENTS, both(isSet, withOther('role_arn')), USE_SOURCE),
      fails([...BOTOCORE, ...GO, 'Rust'], both(isSet, not(withOther('role_arn')))),
    ],
  },
  {
    code: 'ENV_PROFILE_CREDENTIALS',
    setting: 'role_arn',
    with: ['source_profile', 'credential_source'],
    what: 'has a role to assume with credentials from elsewhere',
    readings: [
      takeIt(
        ALL_CLIENTS,
        (value, { other, roleFault, isOurs }) =>
          value !== '' && !isOurs && roleFault === undefined && !other('web_identity_token_file'),
        USE_SOURCE,
      ),
    ],
  },
  {
    code: 'ENV_PROFILE_ROLE',
    setting: 'role_arn',
    with: ['source_profile', 'credential_source'],
    what: 'has a role that cannot be assumed',
    readings: [
      fails([...BOTOCORE, ...GO], (_, { roleFault }) => roleFault !== undefined),
      // It falls back to IMDS if the source is missing.
      fails(['Rust'], (_, { roleFault }) => roleFault !== undefined && !roleFault.isMissing),
    ],
  },
  ...['source_profile', 'credential_source'].map((setting): Rule => ({
    code: 'ENV_PROFILE_ROLE',
    setting,
    readings: [fails(['Go v2'], both(isSet, not(withOther('role_arn'))))],
  })),
];

const SSO: readonly string[] = ['sso_session', 'sso_start_url', 'sso_account_id'];

/** The variables of keys for each client. The first one that is set counts. */
export const KEY_READERS: readonly {
  readonly clients: readonly Client[];
  readonly id: readonly string[];
  readonly secret: readonly string[];
}[] = [
  { clients: allBut(...GO, 'Rust', 'Ruby', '.NET'), id: ['AWS_ACCESS_KEY_ID'], secret: ['AWS_SECRET_ACCESS_KEY'] },
  {
    clients: GO,
    id: ['AWS_ACCESS_KEY_ID', 'AWS_ACCESS_KEY'],
    secret: ['AWS_SECRET_ACCESS_KEY', 'AWS_SECRET_KEY'],
  },
  { clients: ['Rust'], id: ['AWS_ACCESS_KEY_ID'], secret: ['AWS_SECRET_ACCESS_KEY', 'SECRET_ACCESS_KEY'] },
  { clients: ['.NET'], id: ['AWS_ACCESS_KEY_ID'], secret: ['AWS_SECRET_ACCESS_KEY', 'AWS_SECRET_KEY'] },
  { clients: ['JavaScript v2'], id: ['AMAZON_ACCESS_KEY_ID'], secret: ['AMAZON_SECRET_ACCESS_KEY'] },
  {
    clients: ['Ruby'],
    id: ['AWS_ACCESS_KEY_ID', 'AMAZON_ACCESS_KEY_ID', 'AWS_ACCESS_KEY'],
    secret: ['AWS_SECRET_ACCESS_KEY', 'AMAZON_SECRET_ACCESS_KEY', 'AWS_SECRET_KEY'],
  },
];
/** These ignore keys that contain only spaces. */
export const TRIM_KEYS: readonly Client[] = [...JVM, 'Rust'];
export const KEY_COMPANIONS: readonly string[] = ['AWS_SESSION_TOKEN', 'AWS_SECURITY_TOKEN', 'AMAZON_SESSION_TOKEN'];

/** Clients that read ~/.aws/config only if AWS_SDK_LOAD_CONFIG is set. */
const LOAD_CONFIG: readonly Client[] = ['JavaScript v2', 'Go v1'];

/** Clients that read the file of AWS_SHARED_CREDENTIALS_FILE only if AWS_SDK_LOAD_CONFIG is set. */
const HOME_ONLY: readonly Client[] = ['JavaScript v2'];

/** Clients that do not read this one of the shared files. */
export function unreadBy(file: SharedFile, { files, environment }: SdkSettings): readonly Client[] {
  const isLoaded = Boolean(environment['AWS_SDK_LOAD_CONFIG']);
  if (file === files.homeCredentials) return isLoaded ? ALL_CLIENTS : allBut(...HOME_ONLY);
  if (isLoaded) return [];
  if (file === files.config) return LOAD_CONFIG;
  return file === files.credentials && files.homeCredentials ? HOME_ONLY : [];
}

/** Clients that fail if the selected profile is in no file. */
export const NEEDS_PROFILE: readonly Client[] = [...BOTOCORE, 'Go v2'];

/** Clients that fail on a fault in a shared file. The others ignore it. */
export const FAULT_READERS: Readonly<Record<FaultKind, readonly Client[]>> = {
  'byte order mark': [...BOTOCORE, ...JVM, 'Rust'],
  twice: BOTOCORE,
  'no setting': [...BOTOCORE, ...JVM, 'Rust'],
  indented: ['Java v2', 'Rust'],
  nested: [...BOTOCORE, ...JVM, 'Rust'],
};

/**
 * The proxy variables of clients that send IMDS requests through a proxy, and the NO_PROXY entries
 * that prevent it. The others use no proxy.
 */
export const PROXY_READERS: readonly {
  readonly clients: readonly Client[];
  /** The first one that is set counts. */
  readonly proxies: readonly string[];
  /** An empty variable counts as not set. */
  readonly skipsEmpty: boolean;
  readonly exempt: readonly string[];
  /** All lists count, not only the first. */
  readonly joinsLists?: true;
  readonly matches: (entry: string, endpoint: URL) => boolean;
}[] = [
  {
    clients: BOTOCORE,
    proxies: ['http_proxy', 'HTTP_PROXY'],
    skipsEmpty: false,
    exempt: ['no_proxy', 'NO_PROXY'],
    matches: (entry, { hostname, host }) => [hostname, host].some((name) => isWithin(name, entry)),
  },
  {
    clients: ['Rust'],
    proxies: ['HTTP_PROXY', 'http_proxy', 'ALL_PROXY', 'all_proxy'],
    skipsEmpty: false,
    exempt: ['NO_PROXY', 'no_proxy'],
    // A name, including `*`, does not match an address.
    matches: (entry, { hostname }) =>
      isIP(plainHost(hostname)) === 0 ? isWithin(hostname, entry) : isInRange(plainHost(hostname), entry),
  },
  {
    clients: ['Kotlin'],
    proxies: ['http_proxy', 'HTTP_PROXY'],
    skipsEmpty: true,
    joinsLists: true,
    exempt: ['no_proxy', 'NO_PROXY'],
    matches: (entry, { hostname, host }) => [hostname, host].some((name) => isWithin(name, entry)),
  },
];

function isWithin(host: string, entry: string): boolean {
  const name = entry.replace(/^\./, '').toLowerCase();
  return name === '*' || host === name || host.endsWith(`.${name}`);
}
