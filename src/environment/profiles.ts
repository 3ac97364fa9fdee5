import { ALL_CLIENTS, BOTOCORE, type Client } from './clients.ts';
import { profileInConfig, type Section } from './profile-file.ts';
import { NEEDS_PROFILE } from './rules.ts';
import type { Finding, SdkSettings, SharedFile } from './sdk-settings.ts';

/** A profile that some clients use. */
export interface ActiveProfile {
  readonly name: string;
  /** The variable that selects it; undefined for the default profile. */
  readonly chosenBy: string | undefined;
  readonly clients: readonly Client[];
  readonly parts: readonly ProfilePart[];
}

/** Its section in one of the files. */
export interface ProfilePart {
  readonly file: SharedFile;
  readonly section: Section;
}

/**
 * Some clients read the older AWS_DEFAULT_PROFILE, and botocore reads it first (its
 * configprovider.py).
 */
const OLDER_NAME: readonly Client[] = [...BOTOCORE, 'C++'];

export function activeProfiles(sdk: SdkSettings): readonly ActiveProfile[] {
  const { AWS_PROFILE: newer, AWS_DEFAULT_PROFILE: older } = sdk.environment;
  const active = (name: string, chosenBy: string | undefined, clients: readonly Client[]): ActiveProfile => ({
    name,
    chosenBy,
    clients,
    parts: profileParts(name, sdk),
  });
  const main = newer ? active(newer, 'AWS_PROFILE', ALL_CLIENTS) : active('default', undefined, ALL_CLIENTS);
  if (!older || older === newer) return [main];
  // Go reads it if the other one is not set.
  const readers: readonly Client[] = newer ? OLDER_NAME : [...OLDER_NAME, 'Go v2'];
  const others = ALL_CLIENTS.filter((client) => !readers.includes(client));
  return [{ ...main, clients: others }, active(older, 'AWS_DEFAULT_PROFILE', readers)];
}

export function settingOf({ parts }: ActiveProfile, key: string): string | undefined {
  return parts
    .map(({ section }) => section.settings.get(key)?.value)
    .find((value) => value !== undefined && value !== '');
}

export function profileParts(name: string, { files }: Pick<SdkSettings, 'files'>): ProfilePart[] {
  const { config, credentials } = files;
  return [
    ...credentials.sections.filter(({ title }) => title === name).map((section) => ({ file: credentials, section })),
    ...config.sections
      .filter(({ title }) => profileInConfig(title) === name)
      .map((section) => ({ file: config, section })),
  ];
}

/** The same profile in ~/.aws/credentials, if that is not the shared file of most clients. */
export function homeParts(name: string, { files: { homeCredentials } }: SdkSettings): ProfilePart[] {
  if (!homeCredentials) return [];
  const sections = homeCredentials.sections.filter(({ title }) => title === name);
  return sections.map((section) => ({ file: homeCredentials, section }));
}

/** A selected profile that is in neither file. */
export function missingProfiles(sdk: SdkSettings, profiles: readonly ActiveProfile[]): readonly Finding[] {
  const { config, credentials } = sdk.files;
  return profiles.flatMap(({ name, chosenBy, parts, clients }): Finding[] => {
    const needed = chosenBy === 'AWS_PROFILE' ? NEEDS_PROFILE : BOTOCORE;
    const fatal = needed.filter((client) => clients.includes(client));
    if (chosenBy === undefined || parts.length > 0 || fatal.length === 0) return [];
    return [
      {
        code: 'ENV_PROFILE_MISSING',
        what: `${chosenBy} is ${JSON.stringify(name)}, and no such profile is in ${config.path} or ${credentials.path}`,
        effects: [{ clients: fatal, severity: 'none', how: 'fail before they look for credentials' }],
        fix: { do: 'unset', names: [chosenBy] },
      },
    ];
  });
}
