import type { Environment } from '../foundation/process-environment.ts';
import { BOTOCORE, type Client } from './clients.ts';
import { KEY_COMPANIONS, KEY_READERS, TRIM_KEYS } from './rules.ts';
import type { Effect, Finding, SdkSettings } from './sdk-settings.ts';

/** Keys in variables, under all names that clients read. */
export function keyFindings({ environment }: SdkSettings): readonly Finding[] {
  const takers = KEY_READERS.filter(({ id, secret }) => firstSet(id, environment) && firstSet(secret, environment));
  const clients = [...new Set(takers.flatMap((reader) => reader.clients))].filter(
    (client) => !isSpared(client, environment),
  );
  const effects: Effect[] = [
    { clients, severity: 'other' as const, how: 'sign with these keys and never ask the endpoint' },
    ...(isHalf(environment)
      ? [{ clients: BOTOCORE, severity: 'none' as const, how: 'end with an error, as the secret is missing' }]
      : []),
  ].filter((effect) => effect.clients.length > 0);
  if (effects.length === 0) return [];
  const known = KEY_READERS.flatMap(({ id, secret }) => [...id, ...secret]);
  const names = [...new Set([...known, ...KEY_COMPANIONS])].filter((name) => environment[name]);
  const what = `${names.join(', ')} ${names.length === 1 ? 'is' : 'are'} set`;
  return [{ code: 'ENV_STATIC_KEYS', what, effects, fix: { do: 'unset', names } }];
}

function firstSet(names: readonly string[], environment: Environment): string | undefined {
  return names.map((name) => environment[name]).find(Boolean);
}

/** botocore raises PartialCredentialsError; the others need the pair. */
function isHalf({ AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: secret }: Environment): boolean {
  return Boolean(id) && !secret;
}

function isSpared(client: Client, environment: Environment): boolean {
  if (client === 'JavaScript v3' && environment['AWS_PROFILE']) return true;
  return TRIM_KEYS.includes(client) && !environment['AWS_ACCESS_KEY_ID']?.trim();
}
