import { ALL_CLIENTS, BOTOCORE, allBut, type Client } from './clients.ts';
import type { Environment, Finding, Hurt, Rule } from './finding.ts';
import { activeProfiles, settingOf } from './profiles.ts';

/** Each client's own reading of the one variable. */
const DISABLED_READINGS: readonly {
  readonly clients: readonly Client[];
  readonly isSet: (value: string) => boolean;
}[] = [
  { clients: allBut('JavaScript v2', 'JavaScript v3', 'CRT'), isSet: (value) => value.toLowerCase() === 'true' },
  { clients: ['JavaScript v3'], isSet: (value) => value !== 'false' },
  { clients: ['JavaScript v2', 'CRT'], isSet: (value) => ['true', '1'].includes(value.toLowerCase()) },
];

export const metadataDisabled: Rule = ({ environment }) => {
  const value = environment['AWS_EC2_METADATA_DISABLED'];
  if (!value) return [];
  const clients = DISABLED_READINGS.filter(({ isSet }) => isSet(value)).flatMap((reading) => reading.clients);
  if (clients.length === 0) return [];
  return [
    {
      code: 'ENV_METADATA_DISABLED',
      what: `AWS_EC2_METADATA_DISABLED is ${value}`,
      hurts: [{ clients, how: 'never ask IMDS' }],
      mend: { do: 'unset', names: ['AWS_EC2_METADATA_DISABLED'] },
    },
  ];
};

/** It chooses between two default addresses, and a third value is an error to who reads it before the endpoint. */
export const endpointMode: Rule = ({ environment }) => {
  const value = environment['AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE'];
  if (!value || ['ipv4', 'ipv6'].includes(value.toLowerCase())) return [];
  return [
    {
      code: 'ENV_ENDPOINT_MODE',
      what: `AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE is ${value}`,
      hurts: [{ clients: [...BOTOCORE, 'Go v1', 'Go v2'], how: 'end with an error' }],
      mend: { do: 'unset', names: ['AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE'] },
    },
  ];
};

/** botocore sends what it asks of IMDS through a proxy for http; the others know better. */
export const proxy: Rule = ({ environment, door }) => {
  const name = ['http_proxy', 'HTTP_PROXY'].find((variable) => environment[variable] !== undefined);
  const { hostname } = new URL(door.url);
  const host = hostname.replace(/^\[|\]$/g, '');
  if (name === undefined || !environment[name] || isExempt(host, environment)) return [];
  return [
    {
      code: 'ENV_PROXY',
      what: `${name} is set, and NO_PROXY does not name ${host}`,
      hurts: [{ clients: BOTOCORE, how: 'ask the proxy for the door, and end with an error' }],
      mend: { do: 'append', names: ['NO_PROXY', 'no_proxy'], value: host },
    },
  ];
};

/** As Python's urllib reads it: the lower case first, `*`, names and all below them; no ranges of addresses. */
function isExempt(host: string, environment: Environment): boolean {
  const list = environment['no_proxy'] ?? environment['NO_PROXY'] ?? '';
  const entries = list.split(',').map((entry) => entry.trim().replace(/^\./, '').toLowerCase());
  return list.trim() === '*' || entries.some((entry) => entry !== '' && (host === entry || host.endsWith(`.${entry}`)));
}

/** Who reads which variable; the others ask neither. */
const REGION_READERS: Readonly<Record<string, readonly Client[]>> = {
  AWS_REGION: allBut('boto3'),
  AWS_DEFAULT_REGION: [...BOTOCORE, 'Go v2', 'Rust', 'C++', 'Ruby', 'PHP'],
};

/** Who asks IMDS for a region when none is set. */
const ASK_THE_DOOR: readonly Client[] = ['AWS CLI', 'JavaScript v3', 'Java v2', 'Rust', '.NET', 'C++', 'Kotlin'];

export const region: Rule = (caller) => {
  const { environment, door } = caller;
  if (activeProfiles(caller).every((profile) => settingOf(profile, 'region') !== undefined)) return [];
  const set = Object.keys(REGION_READERS).filter((name) => environment[name]);
  const informed = new Set([
    ...set.flatMap((name) => REGION_READERS[name] ?? []),
    ...(door.region === undefined ? [] : ASK_THE_DOOR),
  ]);
  const clients = ALL_CLIENTS.filter((client) => !informed.has(client));
  if (clients.length === 0) return [];
  const missing = Object.keys(REGION_READERS).filter((name) => !environment[name]);
  const value = door.region ?? environment[set[0] ?? ''] ?? 'REGION';
  const hurts: Hurt[] = [{ clients, how: 'have no region, unless the program gives one' }];
  const finding: Finding = {
    code: 'ENV_REGION_UNSET',
    what: `${missing.join(' and ')} ${missing.length === 1 ? 'is' : 'are'} not set, and the profile has no region`,
    hurts,
    mend: { do: 'set', variables: Object.fromEntries(missing.map((name) => [name, value])) },
  };
  return [finding];
};
