import { expect, test } from 'vitest';
import { Secret } from '../../src/foundation/secret.ts';
import type { RoleSession } from '../../src/rolesanywhere/role-session.ts';
import { keepProfile } from '../../src/standalone/profile-keeping.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

test('writes each session once, retries failures, and logs them once', async () => {
  const clock = new VirtualClock();
  const stopping = new AbortController();
  const logged: string[] = [];
  const written: string[] = [];
  let current: RoleSession | undefined;
  let isBroken = false;
  const ended = keepProfile(
    {
      keeper: { run: () => Promise.resolve(), current: () => current },
      write: ({ accessKeyId }) => {
        if (isBroken) return Promise.reject(new Error('disk full'));
        written.push(accessKeyId);
        return Promise.resolve();
      },
      clock,
      log: (level, message) => logged.push(`${level} ${message}`),
    },
    stopping.signal,
  );
  await clock.advance(5_000);
  current = session('one');
  await clock.advance(5_000);
  isBroken = true;
  current = session('two');
  await clock.advance(5_000);
  isBroken = false;
  await clock.advance(5_000);
  expect(written).toEqual(['one', 'two']);
  expect(logged).toEqual(['info profile updated', 'error profile not updated; retrying', 'info profile updated']);
  stopping.abort();
  await ended;
});

function session(accessKeyId: string): RoleSession {
  return {
    accessKeyId,
    secretAccessKey: new Secret('x'),
    sessionToken: new Secret('y'),
    receivedAt: 0,
    expiration: 1,
    assumedRoleArn: 'arn',
    sourceIdentity: undefined,
    subjectArn: undefined,
    requestId: undefined,
  };
}
