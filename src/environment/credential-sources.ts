// What SDKs look at before they ask IMDS: the order is variables, web identity, shared files, container credentials, IMDS in all of
// them, with small differences that do not matter to a door, which is last.

import { ALL_CLIENTS, BOTOCORE, allBut, type Client } from './clients.ts';
import { isAtContainerDoor } from './container-variables.ts';
import type { Caller, Finding, Rule } from './finding.ts';
import { activeProfiles, type ActiveProfile, type ProfilePart } from './profiles.ts';

export const staticKeys: Rule = ({ environment }) => {
  const { AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: secret, AWS_PROFILE: profile } = environment;
  if (!id) return [];
  const names = ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN'].filter((name) => environment[name]);
  const first = {
    clients: profile ? allBut('JavaScript v3') : ALL_CLIENTS,
    how: 'sign with them and never ask the door',
  };
  // botocore's PartialCredentialsError; the others take the pair or nothing.
  const half = { clients: BOTOCORE, how: 'end with an error, as the secret is missing' };
  return [
    {
      code: 'ENV_STATIC_KEYS',
      what: secret ? 'AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are set' : 'AWS_ACCESS_KEY_ID is set',
      hurts: [secret ? first : half],
      mend: { do: 'unset', names },
    },
  ];
};

export const webIdentity: Rule = ({ environment }) => {
  if (!environment['AWS_WEB_IDENTITY_TOKEN_FILE']) return [];
  const names = ['AWS_WEB_IDENTITY_TOKEN_FILE', 'AWS_ROLE_ARN', 'AWS_ROLE_SESSION_NAME'].filter(
    (name) => environment[name],
  );
  return [
    {
      code: 'ENV_WEB_IDENTITY',
      what: 'AWS_WEB_IDENTITY_TOKEN_FILE is set',
      hurts: [
        {
          // Which has a look at the role, too, and passes over a token without one.
          clients: environment['AWS_ROLE_ARN'] ? ALL_CLIENTS : allBut('JavaScript v3'),
          how: 'ask STS for a role with that token, or end with an error',
        },
      ],
      mend: { do: 'unset', names },
    },
  ];
};

export const missingProfile: Rule = (caller) =>
  activeProfiles(caller).flatMap(({ name, chosenBy, parts, clients }): Finding[] => {
    if (chosenBy === undefined || parts.length > 0) return [];
    const fatal = FATAL_WITHOUT_PROFILE.filter((client) => clients.includes(client));
    return [
      {
        code: 'ENV_PROFILE_MISSING',
        what: `${chosenBy} is ${name}, and no such profile is in ${caller.files.config.path} or ${caller.files.credentials.path}`,
        hurts: [{ clients: fatal, how: 'end with an error before they look for credentials' }],
        mend: { do: 'unset', names: [chosenBy] },
      },
    ];
  });

const FATAL_WITHOUT_PROFILE: readonly Client[] = [...BOTOCORE, 'Go v1', 'Go v2'];

export const profileCredentials: Rule = (caller) =>
  activeProfiles(caller).flatMap((profile) =>
    profile.parts.flatMap((part) => [...keysIn(part, profile), ...credentialsIn(part, profile, caller)]),
  );

/** A setting that gives credentials, by its first key; the others belong to it. */
const PROFILE_SOURCES: readonly { readonly keys: readonly string[]; readonly source: string }[] = [
  { keys: ['credential_process'], source: 'a credential_process' },
  { keys: ['sso_session', 'sso_start_url', 'sso_account_id', 'sso_role_name'], source: 'a single sign-on' },
  { keys: ['login_session'], source: 'a login session' },
  { keys: ['web_identity_token_file'], source: 'a web identity token' },
  { keys: ['source_profile'], source: 'a role assumed with another profile' },
  { keys: ['credential_source'], source: 'a role assumed with credentials from elsewhere' },
];

/** JavaScript passes over half a pair, and over an empty one; botocore does not, and signs with empty keys. */
function keysIn({ file, section }: ProfilePart, profile: ActiveProfile): Finding[] {
  const there = ['aws_access_key_id', 'aws_secret_access_key', 'aws_session_token'].filter((key) =>
    section.settings.has(key),
  );
  const [id, secret] = ['aws_access_key_id', 'aws_secret_access_key'].map((key) => section.settings.get(key)?.value);
  if (id === undefined) return [];
  const used = { clients: profile.clients, how: 'use them and never ask the door' };
  const half = { clients: profile.clients.filter((client) => BOTOCORE.includes(client)), how: 'end with an error' };
  return [
    {
      code: 'ENV_PROFILE_CREDENTIALS',
      what: `[${section.title}] in ${file.path} has ${id && secret ? 'access keys' : 'half a pair of access keys, or empty ones'}`,
      hurts: [id && secret ? used : half],
      mend: { do: 'edit', how: `remove ${there.join(', ')} from [${section.title}] in ${file.path}` },
    },
  ];
}

function credentialsIn({ file, section }: ProfilePart, profile: ActiveProfile, caller: Caller): Finding[] {
  return PROFILE_SOURCES.flatMap(({ keys, source }): Finding[] => {
    const there = keys.filter((key) => section.settings.get(key)?.value);
    const value = section.settings.get(there[0] ?? '')?.value;
    if (value === undefined || isOurs(there[0], value, caller)) return [];
    return [
      {
        code: 'ENV_PROFILE_CREDENTIALS',
        what: `[${section.title}] in ${file.path} has ${source}`,
        hurts: [{ clients: profile.clients, how: 'use that and never ask the door' }],
        mend: { do: 'edit', how: `remove ${there.join(', ')} from [${section.title}] in ${file.path}` },
      },
    ];
  });
}

/** A role assumed with what the door gives, and this program itself as the process, are meant so. */
function isOurs(key: string | undefined, value: string, caller: Caller): boolean {
  if (key === 'credential_source')
    return value === (caller.door.client || isAtContainerDoor(caller) ? 'EcsContainer' : 'Ec2InstanceMetadata');
  return key === 'credential_process' && /\bimds-anywhere\b/.test(value);
}

export const unusableFiles: Rule = ({ files }) =>
  [files.config, files.credentials].flatMap((file): Finding[] => {
    const edit = (how: string): Finding['mend'] => ({ do: 'edit', how });
    if (file.unreadable !== undefined)
      return [
        {
          code: 'ENV_FILE_UNREADABLE',
          what: `${file.path} cannot be read (${file.unreadable}), so what it says is not known here`,
          hurts: [{ clients: BOTOCORE, how: 'end with an error' }],
          mend: edit(`let this user read ${file.path}`),
        },
      ];
    return file.faults.map(({ line, what }) => ({
      code: 'ENV_FILE_MALFORMED',
      what: `${file.path}, line ${line}: ${what}`,
      hurts: [{ clients: BOTOCORE, how: 'end with an error' }],
      mend: edit(`mend line ${line} of ${file.path}`),
    }));
  });
