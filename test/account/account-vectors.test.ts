import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import {
  type AccountPlace,
  callerIdentityRead,
  readBy,
  type ReadOperation,
  roleRead,
  rolesAnywhereRead,
} from '../../src/account/account-call.ts';
import { Secret } from '../../src/foundation/secret.ts';
import type { HttpRequest } from '../../src/rolesanywhere/send.ts';

/** The format of scripts/make-account-vectors.py. */
interface Vector {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
  readonly call: {
    readonly operation: 'GetTrustAnchor' | 'GetProfile' | 'ListCrls' | 'GetRole' | 'GetCallerIdentity';
    readonly parameters: Readonly<Record<string, string>>;
    readonly partition: string;
    readonly region: string;
    readonly token: boolean;
    readonly endpoint?: string;
    readonly fips?: boolean;
    readonly dualStack?: boolean;
  };
  readonly time: string;
  readonly request: HttpRequest;
}

const DIRECTORY = path.join(import.meta.dirname, '..', 'vectors', 'sigv4-account');
const vectors = readdirSync(DIRECTORY).map((file): [string, Vector] => [
  file,
  JSON.parse(readFileSync(path.join(DIRECTORY, file), 'utf8')) as Vector,
]);

it('there are vectors for every operation', () => {
  const operations = new Set(vectors.map(([, { call }]) => call.operation));
  expect([...operations].sort()).toEqual(['GetCallerIdentity', 'GetProfile', 'GetRole', 'GetTrustAnchor', 'ListCrls']);
});

function operationOf({
  operation,
  parameters,
  endpoint,
  fips = false,
  dualStack = false,
  ...at
}: Vector['call']): ReadOperation {
  const rolesAnywhere = { fips, dualStack, ...(endpoint !== undefined && { endpoint }) };
  const place: AccountPlace = { ...at, rolesAnywhere, environment: {} };
  const [value = ''] = Object.values(parameters);
  if (operation === 'GetTrustAnchor') return rolesAnywhereRead(place, operation, ['trustanchor', value]);
  if (operation === 'GetProfile') return rolesAnywhereRead(place, operation, ['profile', value]);
  if (operation === 'ListCrls') return rolesAnywhereRead(place, operation, ['crls'], parameters);
  return operation === 'GetRole' ? roleRead(place, value) : callerIdentityRead(place);
}

it.each(vectors)('sends what botocore sends: %s', async (_, vector) => {
  const { accessKeyId, secretAccessKey, sessionToken, call, time, request } = vector;
  const sent: HttpRequest[] = [];
  await readBy(operationOf(call), {
    keys: {
      accessKeyId,
      secretAccessKey: new Secret(secretAccessKey),
      ...(call.token && { sessionToken: new Secret(sessionToken) }),
    },
    send: (one) => {
      sent.push(one);
      return Promise.resolve({ status: 200, headers: {}, body: '' });
    },
    now: () => Date.parse(time.replace(/^(....)(..)(..T..)(..)(..Z)$/, '$1-$2-$3:$4:$5')),
    signal: new AbortController().signal,
  });
  const [{ headers, ...rest } = { headers: {} }] = sent;
  const { host, ...others } = headers as Record<string, string>;
  expect({ ...rest, headers: others }).toEqual(request);
  expect(host).toBe(new URL(request.url).host);
});
