import { ALL_CLIENTS, allBut } from './clients.ts';
import { isSameAddress } from './endpoint-form.ts';
import type { Finding, SdkSettings } from './sdk-settings.ts';

const RELATIVE = 'AWS_CONTAINER_CREDENTIALS_RELATIVE_URI';
const FULL = 'AWS_CONTAINER_CREDENTIALS_FULL_URI';
const TOKEN_FILE = 'AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE';
const TOKENS = [TOKEN_FILE, 'AWS_CONTAINER_AUTHORIZATION_TOKEN'] as const;

/** Whether programs are sent to the container endpoint, and so never ask IMDS. */
export function isAtContainer({ environment, endpoint }: SdkSettings): boolean {
  const full = environment[FULL] ?? '';
  if (endpoint.container === undefined || environment[RELATIVE] || !URL.canParse(full)) return false;
  return full.startsWith('http://') && isSameAddress(new URL(full), new URL(endpoint.container));
}

/**
 * Everywhere, container credentials take precedence over IMDS. Four clients fall back to IMDS when
 * they fail.
 */
export function containerFindings(sdk: SdkSettings): readonly Finding[] {
  if (isAtContainer(sdk)) return tokenFindings(sdk);
  const names = [RELATIVE, FULL].filter((name) => sdk.environment[name]);
  if (names.length === 0) return straySecrets(sdk);
  return [
    {
      code: 'ENV_CONTAINER_CREDENTIALS',
      what: `${names.join(' and ')} ${names.length === 1 ? 'is' : 'are'} set`,
      effects: [{ clients: ALL_CLIENTS, severity: 'other', how: 'ask there first' }],
      fix: { do: 'unset', names },
    },
  ];
}

/** Rust reads the token before it checks whether it needs one. */
function straySecrets({ files, environment }: SdkSettings): Finding[] {
  const reason = environment[TOKEN_FILE] === '' ? 'empty' : files.unreadable[TOKEN_FILE];
  if (reason === undefined) return [];
  return [
    {
      code: 'ENV_CONTAINER_TOKEN_UNREADABLE',
      what: `${TOKEN_FILE} names a file that cannot be read (${reason}), and no container endpoint is set`,
      effects: [{ clients: ['Rust'], severity: 'none', how: 'end with an error' }],
      fix: { do: 'unset', names: [TOKEN_FILE] },
    },
  ];
}

/** For a program that should ask the container endpoint. */
export function wayToContainer(sdk: SdkSettings): readonly Finding[] {
  const { environment, endpoint } = sdk;
  if (environment[RELATIVE])
    return [
      {
        code: 'ENV_CONTAINER_CREDENTIALS',
        what: `${RELATIVE} is set`,
        effects: [{ clients: allBut('Go v1'), severity: 'other', how: 'always ask there' }],
        fix: { do: 'unset', names: [RELATIVE] },
      },
    ];
  if (isAtContainer(sdk)) return tokenFindings(sdk);
  const full = environment[FULL];
  return [
    {
      code: 'ENV_CONTAINER_UNSET',
      what: full ? `${FULL} does not lead to ${endpoint.url}` : `${FULL} is not set`,
      effects: [{ clients: ALL_CLIENTS, severity: 'none', how: 'do not ask the endpoint' }],
      fix: { do: 'set', variables: { ...endpoint.client } },
    },
  ];
}

function tokenFindings({ environment, files }: SdkSettings): Finding[] {
  const reason = files.unreadable[TOKEN_FILE];
  if (reason !== undefined)
    return [
      {
        code: 'ENV_CONTAINER_TOKEN_UNREADABLE',
        what: `${environment[TOKEN_FILE] ?? ''}, which ${TOKEN_FILE} names, cannot be read (${reason})`,
        effects: [{ clients: ALL_CLIENTS, severity: 'none', how: 'have no token to send' }],
        fix: {
          do: 'edit',
          how: 'set owner or group in container.tokens of the configuration to the user that the program runs as',
        },
      },
    ];
  if (TOKENS.some((name) => environment[name])) return [];
  return [
    {
      code: 'ENV_CONTAINER_TOKEN',
      what: `${FULL} leads to the container endpoint, and ${TOKEN_FILE} is not set`,
      effects: [{ clients: ALL_CLIENTS, severity: 'none', how: 'are rejected, because they send no token' }],
      fix: { do: 'edit', how: `set ${TOKEN_FILE} to the file of container.tokens in the configuration` },
    },
  ];
}
