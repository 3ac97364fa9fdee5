import type { Environment } from '../foundation/process-environment.ts';
import { ALL_CLIENTS, allBut, BOTOCORE, type Client } from './clients.ts';
import { NO_PROXY, spellings } from './endpoint-variables.ts';
import { type ActiveProfile, settingOf } from './profiles.ts';
import { ENDPOINT, ENDPOINT_SETTING, PROXY_READERS, unreadBy, VARIABLE_ONLY } from './rules.ts';
import type { Finding, SdkSettings } from './sdk-settings.ts';

/** No setting contains the endpoint. */
export function endpointUnset({ environment, endpoint }: SdkSettings, profiles: readonly ActiveProfile[]): Finding[] {
  if (environment[ENDPOINT]) return [];
  const isInProfile = profiles.some((profile) => settingOf(profile, ENDPOINT_SETTING) !== undefined);
  return [
    {
      code: 'ENV_ENDPOINT_UNSET',
      what: `${ENDPOINT} is not set`,
      effects: [{ clients: isInProfile ? VARIABLE_ONLY : ALL_CLIENTS, severity: 'other', how: 'ask 169.254.169.254' }],
      fix: { do: 'set', variables: { [ENDPOINT]: endpoint.url } },
    },
  ];
}

/** Some clients send requests for the endpoint through a proxy. */
export function proxyFindings({ environment, endpoint }: SdkSettings): Finding[] {
  const asked = new URL(
    environment[ENDPOINT] && URL.canParse(environment[ENDPOINT]) ? environment[ENDPOINT] : endpoint.url,
  );
  const caught = PROXY_READERS.flatMap((reader) => {
    const name = firstSet(reader.proxies, environment, reader.skipsEmpty);
    return name !== undefined && environment[name] && !isExempt(reader, asked, environment)
      ? [{ name, clients: reader.clients }]
      : [];
  });
  if (caught.length === 0) return [];
  const hosts = spellings(asked.hostname);
  return [
    {
      code: 'ENV_PROXY',
      what: `${[...new Set(caught.map(({ name }) => name))].join(' and ')} is set, and NO_PROXY does not name ${hosts.join(' and ')}`,
      effects: [
        {
          clients: caught.flatMap(({ clients }) => clients),
          severity: 'none',
          how: 'ask the proxy for the endpoint, and end with an error',
        },
      ],
      fix: { do: 'append', names: NO_PROXY, value: hosts.join(',') },
    },
  ];
}

function firstSet(names: readonly string[], environment: Environment, skipsEmpty: boolean): string | undefined {
  return names.find((name) => (skipsEmpty ? environment[name]?.trim() : environment[name] !== undefined));
}

function isExempt(
  { exempt, skipsEmpty, joinsLists, matches }: (typeof PROXY_READERS)[number],
  asked: URL,
  environment: Environment,
): boolean {
  const lists = joinsLists ? exempt : [firstSet(exempt, environment, skipsEmpty) ?? ''];
  const entries = lists.flatMap((name) => (environment[name] ?? '').split(',').map((entry) => entry.trim()));
  return entries.some((entry) => entry !== '' && matches(entry, asked));
}

/** Which clients read which variable. The others read neither. */
const REGION_READERS: Readonly<Record<string, readonly Client[]>> = {
  AWS_REGION: allBut('boto3'),
  AWS_DEFAULT_REGION: [...BOTOCORE, 'Go v2', 'Rust', 'C++', 'Ruby', 'PHP'],
};

/** Rust uses AWS_REGION even if it is empty. */
function regionReaders(name: string, { AWS_REGION: first }: Environment): readonly Client[] {
  const readers = REGION_READERS[name] ?? [];
  return first === '' ? readers.filter((client) => client !== 'Rust') : readers;
}

/** Clients that ask IMDS for the region if none is set. */
const ASK_IMDS: readonly Client[] = ['AWS CLI', 'JavaScript v3', 'Java v2', 'Rust', '.NET', 'C++', 'Kotlin'];

export function regionFindings(sdk: SdkSettings, profiles: readonly ActiveProfile[]): Finding[] {
  const { environment, endpoint } = sdk;
  const set = Object.keys(REGION_READERS).filter((name) => environment[name]?.trim());
  const blank = Object.keys(REGION_READERS).filter((name) => environment[name] !== environment[name]?.trim());
  const informed = new Set([
    ...set.flatMap((name) => regionReaders(name, environment)),
    ...(endpoint.region === undefined ? [] : ASK_IMDS),
    ...profiles.flatMap((profile) => regionInProfile(profile, sdk)),
  ]);
  // The program sets the region of CRT.
  const clients = blank.length > 0 ? allBut('CRT', 'Go v1') : allBut('CRT').filter((client) => !informed.has(client));
  if (clients.length === 0) return [];
  const names = Object.keys(REGION_READERS).filter((name) => !set.includes(name) || blank.includes(name));
  const value = endpoint.region ?? environment[set[0] ?? '']?.trim() ?? 'REGION';
  const state = blank.length > 0 ? 'set with spaces' : 'not set, and the profile has no region';
  return [
    {
      code: 'ENV_REGION_UNSET',
      what: `${names.join(' and ')} ${names.length === 1 ? 'is' : 'are'} ${state}`,
      effects: [{ clients, severity: 'none', how: 'have no region, unless the program sets one' }],
      fix: { do: 'set', variables: Object.fromEntries(names.map((name) => [name, value])) },
    },
  ];
}

function regionInProfile({ clients, parts }: ActiveProfile, sdk: SdkSettings): readonly Client[] {
  return parts.flatMap(({ file, section }) => {
    if (!section.settings.get('region')?.value) return [];
    const unread = unreadBy(file, sdk);
    return clients.filter((client) => !unread.includes(client));
  });
}
