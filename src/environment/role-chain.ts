import { profileParts } from './profiles.ts';
import type { RoleFault } from './rules.ts';
import type { SdkSettings } from './sdk-settings.ts';

const SOURCES: readonly string[] = ['EcsContainer', 'Ec2InstanceMetadata', 'Environment'];
/** Settings that give a profile credentials to assume a role with. */
const CREDENTIALS: readonly string[] = [
  ...['aws_access_key_id', 'credential_process', 'sso_session', 'sso_start_url', 'login_session', 'credential_source'],
  'web_identity_token_file',
];

/**
 * Why the role of a profile cannot be assumed: its source is missing, unknown or circular.
 * Undefined without a role.
 */
export function roleFault(profile: string, sdk: SdkSettings, before: readonly string[] = []): RoleFault | undefined {
  const fault = (what: string): RoleFault => ({ what, isMissing: false });
  const missing = (what: string): RoleFault => ({ what, isMissing: true });
  const settings = settingsOf(profile, sdk);
  if (settings['role_arn'] === undefined || settings['web_identity_token_file']) return undefined;
  const { source_profile: source, credential_source: other } = settings;
  if (source && other) return fault('it has both source_profile and credential_source');
  if (other) return SOURCES.includes(other) ? undefined : fault(`credential_source ${other} is unknown`);
  if (!source) return fault('it has neither source_profile nor credential_source');
  if (source === profile)
    return hasCredentials(settings) ? undefined : missing(`source_profile ${source} is the profile itself`);
  if (before.includes(source)) return fault(`source_profile ${source} forms a loop`);
  const next = settingsOf(source, sdk);
  if (profileParts(source, sdk).length === 0) return missing(`source_profile ${source} is in neither file`);
  if (hasCredentials(next)) return undefined;
  return next['role_arn'] === undefined
    ? fault(`source_profile ${source} has no credentials`)
    : roleFault(source, sdk, [...before, profile]);
}

function hasCredentials(settings: Readonly<Record<string, string>>): boolean {
  return CREDENTIALS.some((name) => settings[name]);
}

function settingsOf(profile: string, sdk: SdkSettings): Readonly<Record<string, string>> {
  const parts = profileParts(profile, sdk).reverse();
  return Object.fromEntries(
    parts.flatMap(({ section }) => [...section.settings].map(([name, { value }]) => [name, value] as const)),
  );
}
