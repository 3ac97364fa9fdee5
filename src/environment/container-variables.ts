import { ALL_CLIENTS, allBut } from './clients.ts';
import { isSameAddress } from './endpoint-form.ts';
import type { Caller, Finding, Rule } from './finding.ts';

const RELATIVE = 'AWS_CONTAINER_CREDENTIALS_RELATIVE_URI';
const FULL = 'AWS_CONTAINER_CREDENTIALS_FULL_URI';
export const TOKEN_FILE = 'AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE';
const TOKENS = [TOKEN_FILE, 'AWS_CONTAINER_AUTHORIZATION_TOKEN'] as const;

/** Whether programs are sent to the container door, and so never ask IMDS. */
export function isAtContainerDoor({ environment, door }: Caller): boolean {
  const full = environment[FULL] ?? '';
  if (door.container === undefined || environment[RELATIVE] || !URL.canParse(full)) return false;
  return full.startsWith('http://') && isSameAddress(new URL(full), new URL(door.container));
}

/** The container's endpoint comes before IMDS everywhere; two go on to IMDS when it fails. */
export const containerCredentials: Rule = (caller) => {
  if (isAtContainerDoor(caller)) return tokenFinding(caller);
  const names = [RELATIVE, FULL].filter((name) => caller.environment[name]);
  if (names.length === 0) return [];
  return [
    {
      code: 'ENV_CONTAINER_CREDENTIALS',
      what: `${names.join(' and ')} ${names.length === 1 ? 'is' : 'are'} set`,
      hurts: [
        { clients: allBut('JavaScript v2', 'Java v2'), how: 'ask there, and never IMDS' },
        { clients: ['JavaScript v2', 'Java v2'], how: 'ask there first' },
      ],
      mend: { do: 'unset', names },
    },
  ];
};

/** For a program that is meant to ask the container door. */
export const wayToContainerDoor: Rule = (caller) => {
  const { environment, door } = caller;
  if (environment[RELATIVE])
    return [
      {
        code: 'ENV_CONTAINER_CREDENTIALS',
        what: `${RELATIVE} is set`,
        hurts: [{ clients: allBut('Go v1'), how: 'ask there, whatever else is set' }],
        mend: { do: 'unset', names: [RELATIVE] },
      },
    ];
  if (isAtContainerDoor(caller)) return tokenFinding(caller);
  const full = environment[FULL];
  return [
    {
      code: 'ENV_CONTAINER_UNSET',
      what: full ? `${FULL} leads elsewhere than to ${door.url}` : `${FULL} is not set`,
      hurts: [{ clients: ALL_CLIENTS, how: 'do not ask the door' }],
      mend: { do: 'set', variables: { ...door.client } },
    },
  ];
};

function tokenFinding({ environment, files }: Caller): Finding[] {
  if (files.tokenUnreadable !== undefined)
    return [
      {
        code: 'ENV_CONTAINER_TOKEN_UNREADABLE',
        what: `${environment[TOKEN_FILE] ?? ''}, which ${TOKEN_FILE} names, cannot be read (${files.tokenUnreadable})`,
        hurts: [{ clients: ALL_CLIENTS, how: 'have no token to bring' }],
        mend: {
          do: 'edit',
          how: 'set owner or group in container.tokens of the configuration to whom the program runs as',
        },
      },
    ];
  if (TOKENS.some((name) => environment[name])) return [];
  return [
    {
      code: 'ENV_CONTAINER_TOKEN',
      what: `${FULL} leads to the container door, and ${TOKEN_FILE} is not set`,
      hurts: [{ clients: ALL_CLIENTS, how: 'are turned away, as they bring no token' }],
      mend: { do: 'edit', how: `set ${TOKEN_FILE} to the file of container.tokens in the configuration` },
    },
  ];
}
