// A day of examples/sensor-hub with the line up five minutes an hour, in virtual time: the daemon's
// session keeper, the emulator, and a reading per hour below the hub's prefix.
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Secret } from '../../src/foundation/secret.ts';
import type { RoleSession } from '../../src/rolesanywhere/role-session.ts';
import { SessionKeeper } from '../../src/sessions/session-keeper.ts';
import { answerOf, credentialsOf, Emulated, permissionsPolicy } from '../emulator/support/emulated.ts';
import { signedCall } from '../emulator/support/signed-call.ts';
import { failure, HOUR, MINUTE, recordingLog, SECOND, someIdentity } from '../sessions/support.ts';
import { seededRandom } from '../simulation/seeded-random.ts';

const UP = 5 * MINUTE;
const HALF_AN_HOUR = 1800;
const OWN_PREFIX = {
  Effect: 'Allow',
  Action: 's3:PutObject',
  Resource: 'arn:aws:s3:::snowy-readings/hubs/${aws:PrincipalTag/x509Subject/CN}/*',
};

let backend: Server;
let emulated: Emulated;

beforeAll(async () => {
  backend = createServer((request, response) => request.resume().once('end', () => response.end()));
  backend.listen(0, '127.0.0.1');
  await once(backend, 'listening');
  const { port } = backend.address() as AddressInfo;
  emulated = await Emulated.start(
    { profile: { durationSeconds: HALF_AN_HOUR }, role: { policies: [permissionsPolicy('readings', OWN_PREFIX)] } },
    { backend: new URL(`http://127.0.0.1:${port}`) },
  );
});
afterAll(async () => {
  await emulated.stop();
  backend.close();
});

class Hub {
  readonly #midnight = emulated.clock.now();
  #call: Promise<unknown> = Promise.resolve();
  readonly keeper = new SessionKeeper({
    createSession: () => this.#begin(),
    identity: () => Promise.resolve(someIdentity),
    clock: emulated.clock,
    random: seededRandom(7),
    phase: 0.5,
    log: recordingLog().log,
    restored: () => Promise.resolve(undefined),
  });

  get isUp(): boolean {
    return (emulated.clock.now() - this.#midnight) % HOUR < UP;
  }

  #begin(): Promise<RoleSession> {
    const call = this.isUp ? this.#createSession() : this.#failed();
    this.#call = this.isUp ? call.catch(() => undefined) : Promise.resolve();
    return call;
  }

  async #failed(): Promise<never> {
    await emulated.clock.sleep(5 * SECOND);
    throw failure('soon', 'RA_UNREACHABLE');
  }

  async #createSession(): Promise<RoleSession> {
    const response = await emulated.createSession();
    const { accessKeyId, secretAccessKey, sessionToken, expiration } = credentialsOf(response);
    return {
      accessKeyId,
      secretAccessKey: new Secret(secretAccessKey),
      sessionToken: new Secret(sessionToken),
      expiration: Date.parse(expiration),
      receivedAt: emulated.clock.now(),
      assumedRoleArn: answerOf(response).credentialSet[0]?.assumedRoleUser.arn ?? '',
      sourceIdentity: 'CN=device-0001',
      subjectArn: undefined,
      requestId: response.headers['x-amzn-requestid'],
    };
  }

  /** Waits, in virtual time, until there is a session. The calls take real time. */
  async session(): Promise<RoleSession> {
    for (let seconds = 0; seconds < UP / SECOND; seconds += 1) {
      await this.#call;
      await setImmediate();
      const session = this.keeper.current();
      if (session) return session;
      await emulated.clock.advance(SECOND);
    }
    throw new Error('the line went down without a session');
  }
}

async function upload(session: RoleSession, prefix: string, hour: number): Promise<number> {
  const { accessKeyId, secretAccessKey, sessionToken, expiration } = session;
  const credentials = {
    accessKeyId,
    secretAccessKey: secretAccessKey.reveal(),
    sessionToken: sessionToken.reveal(),
    expiration: String(expiration),
  };
  const path = `/snowy-readings/hubs/${prefix}/${hour}.json`;
  const host = `127.0.0.1:${emulated.port}`;
  const call = { service: 's3', method: 'PUT', path, body: '{}', host, at: emulated.clock.now() };
  return (await emulated.send(signedCall(credentials, call))).status;
}

test('each hour has its reading, below the own prefix only, found by the X.509 principal', async () => {
  const hub = new Hub();
  const stop = new AbortController();
  void hub.keeper.run(stop.signal);
  const began = emulated.clock.now();
  for (let hour = 0; hour < 24; hour += 1) {
    await emulated.clock.advance(began + hour * HOUR - emulated.clock.now());
    const session = await hub.session();
    expect([hour, await upload(session, 'device-0001', hour), hub.isUp]).toEqual([hour, 200, true]);
    expect(await upload(session, 'device-0002', hour)).toBe(403);
  }
  stop.abort();

  const events = (await emulated.control('GET', '/events')).body as Record<string, unknown>[];
  const subjects = new Map(
    events
      .filter(({ eventName }) => eventName === 'CreateSession')
      .map(({ responseElements, x509Subject }) => [
        (responseElements as { credentials: { accessKeyId: string } }).credentials.accessKeyId,
        x509Subject,
      ]),
  );
  const readings = events.filter(({ eventName, errorCode }) => eventName === 'PutObject' && errorCode === undefined);
  const principals = readings.map(({ userIdentity }) =>
    subjects.get((userIdentity as { accessKeyId: string }).accessKeyId),
  );
  expect(principals).toEqual(Array.from({ length: 24 }, () => 'CN=device-0001, O=Example'));
});
