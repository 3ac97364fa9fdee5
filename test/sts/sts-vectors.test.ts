import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { Secret } from '../../src/foundation/secret.ts';
import type { HttpRequest } from '../../src/rolesanywhere/send.ts';
import { assumeRoleBy } from '../../src/sts/assume-role.ts';
import type { AssumedRole } from '../../src/sts/assumed-role.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { assumed, first } from './support.ts';

/** The format of scripts/make-sts-vectors.py. */
interface Vector {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
  readonly role: AssumedRole;
  readonly time: string;
  readonly request: Pick<HttpRequest, 'url' | 'headers' | 'body'>;
}

const DIRECTORY = path.join(import.meta.dirname, '..', 'vectors', 'sigv4-sts');
const vectors = readdirSync(DIRECTORY).map((file): [string, Vector] => [
  file,
  JSON.parse(readFileSync(path.join(DIRECTORY, file), 'utf8')) as Vector,
]);

it('there are vectors for every partition and parameter', () => {
  const names = vectors.map(([file]) => file.replace('.json', ''));
  expect(names.length).toBeGreaterThan(30);
  for (const name of ['plain', 'policy', 'tags', 'everything', 'base-path', 'aws-us-gov-fips', 'aws-iso-f'])
    expect(names).toContain(name);
});

it.each(vectors)('AssumeRole sends what botocore sends: %s', async (_, vector) => {
  const now = Date.parse(vector.time.replace(/^(....)(..)(..T..)(..)(..Z)$/, '$1-$2-$3:$4:$5'));
  const sent: HttpRequest[] = [];
  const assumeRole = assumeRoleBy({
    clock: new VirtualClock(now),
    send: (request) => {
      sent.push(request);
      return Promise.resolve(assumed());
    },
  });
  const { accessKeyId, secretAccessKey, sessionToken, role } = vector;
  const keys = { accessKeyId, secretAccessKey: new Secret(secretAccessKey), sessionToken: new Secret(sessionToken) };
  await assumeRole({ ...first, ...keys }, role, new AbortController().signal).catch(() => undefined);
  const { url, headers, body } = sent[0] ?? {};
  const { host, ...others } = headers ?? {};
  expect({ url, headers: others, body }).toEqual(vector.request);
  expect(host).toBe(new URL(vector.request.url).host);
});
