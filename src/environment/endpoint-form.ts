import { ALL_CLIENTS, BOTOCORE, allBut, type Client } from './clients.ts';
import type { EnvironmentCode } from './environment-errors.ts';
import type { Caller, Finding, Hurt, Rule } from './finding.ts';
import { activeProfiles, settingOf } from './profiles.ts';

const VARIABLE = 'AWS_EC2_METADATA_SERVICE_ENDPOINT';

/** Those that read no `ec2_metadata_service_endpoint` from a profile. */
const VARIABLE_ONLY: readonly Client[] = ['JavaScript v2', 'C++', 'CRT'];

export const endpoint: Rule = (caller) => {
  const value = caller.environment[VARIABLE];
  const inProfile = activeProfiles(caller)
    .map((profile) => settingOf(profile, 'ec2_metadata_service_endpoint'))
    .find((setting) => setting !== undefined);
  if (value) return faultOf(value, VARIABLE, caller);
  if (inProfile === undefined) return [unset(ALL_CLIENTS, caller)];
  return [unset(VARIABLE_ONLY, caller), ...faultOf(inProfile, 'ec2_metadata_service_endpoint of the profile', caller)];
};

/** botocore looks at its form even where it asks the container door. */
export const endpointForm: Rule = ({ environment, door }) => {
  const value = environment[VARIABLE];
  const fault = value ? FAULTS.find(({ code, is }) => MALFORMED.has(code) && is(value, new URL(door.url))) : undefined;
  if (!value || !fault) return [];
  return [
    {
      code: fault.code,
      what: `${VARIABLE} is ${withoutUserinfo(value)}`,
      hurts: [{ clients: BOTOCORE, how: 'end with an error' }],
      mend: { do: 'unset', names: [VARIABLE] },
    },
  ];
};

const MALFORMED: ReadonlySet<EnvironmentCode> = new Set<EnvironmentCode>([
  'ENV_ENDPOINT_NO_SCHEME',
  'ENV_ENDPOINT_NOT_A_URL',
]);

function unset(clients: readonly Client[], caller: Caller): Finding {
  return {
    code: 'ENV_ENDPOINT_UNSET',
    what: `${VARIABLE} is not set`,
    hurts: [{ clients, how: 'ask 169.254.169.254' }],
    mend: { do: 'set', variables: { [VARIABLE]: caller.door.url } },
  };
}

interface EndpointFault {
  readonly code: EnvironmentCode;
  readonly is: (value: string, door: URL) => boolean;
  readonly hurts: readonly Hurt[];
}

/** The first that fits is the one to tell, as the same line mends them all. */
const FAULTS: readonly EndpointFault[] = [
  {
    code: 'ENV_ENDPOINT_NO_SCHEME',
    is: (value) => !/^[a-z][a-z0-9+.-]*:\/\//i.test(value),
    hurts: [{ clients: allBut('C++', 'CRT'), how: 'end with an error or ask a wrong address' }],
  },
  {
    code: 'ENV_ENDPOINT_NOT_A_URL',
    is: (value) => !URL.canParse(value) || !/^https?:/i.test(value) || /[?#\s]|:\/\/[^/]*@/.test(value),
    hurts: [{ clients: ALL_CLIENTS, how: 'end with an error or ask a wrong address' }],
  },
  {
    code: 'ENV_ENDPOINT_HTTPS',
    is: (value) => /^https:/i.test(value),
    hurts: [
      { clients: ['JavaScript v3'], how: 'end with an error: they speak http only' },
      { clients: allBut('JavaScript v3', 'CRT'), how: 'speak TLS to a door that does not' },
    ],
  },
  {
    code: 'ENV_ENDPOINT_ELSEWHERE',
    is: (value, door) => !isSameAddress(new URL(value), door),
    hurts: [{ clients: ALL_CLIENTS, how: 'ask there' }],
  },
  {
    code: 'ENV_ENDPOINT_PATH',
    // The others drop it, and find the door.
    is: (value) => new URL(value).pathname !== '/',
    hurts: [
      {
        clients: [...BOTOCORE, 'JavaScript v2', 'Java v2', '.NET', 'C++', 'Rust', 'PHP'],
        how: 'ask below it and get 404',
      },
    ],
  },
  {
    code: 'ENV_ENDPOINT_TRAILING_SLASH',
    is: (value) => value.endsWith('/'),
    hurts: [
      { clients: ['Java v2', '.NET', 'PHP'], how: 'ask for //latest/…, which this door forgives and others do not' },
    ],
  },
];

function faultOf(value: string, where: string, { door }: Caller): Finding[] {
  const fault = FAULTS.find(({ is }) => is(value, new URL(door.url)));
  if (!fault) return [];
  const { code, hurts } = fault;
  const what = `${where} is ${withoutUserinfo(value)}; the door is ${door.url}`;
  return [{ code, what, hurts, mend: { do: 'set', variables: { [VARIABLE]: door.url } } }];
}

/** `localhost` works for every client; a door on all addresses is reached by any of them. */
export function isSameAddress(asked: URL, door: URL): boolean {
  if ((asked.port || '80') !== (door.port || '80')) return false;
  const loopback = ['localhost', '127.0.0.1', '[::1]'];
  if (['0.0.0.0', '[::]'].includes(door.hostname) || asked.hostname === door.hostname) return true;
  return asked.hostname === 'localhost' && loopback.includes(door.hostname);
}

function withoutUserinfo(text: string): string {
  return text.replace(/\/\/.*@/, '//…@');
}
