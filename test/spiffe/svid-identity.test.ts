import { generateKeyPairSync } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import type { IdentityConfig } from '../../src/config/config.ts';
import { watchFiles } from '../../src/files/file-watcher.ts';
import { systemClock } from '../../src/foundation/clock.ts';
import type { CodedError } from '../../src/foundation/errors.ts';
import { loadIdentity } from '../../src/identity/load-identity.ts';
import { withOutsideKeys } from '../../src/identity/outside-identity.ts';
import { readIdentity } from '../../src/identity/read-identity.ts';
import { requestedKey } from '../../src/identity/requested-key.ts';
import type { LoadedIdentity } from '../../src/identity/signing-identity.ts';
import { WatchedIdentity } from '../../src/identity/watched-identity.ts';
import { keysOfCommand } from '../../src/keys/outside-keys.ts';
import { sealingKey } from '../../src/keys/signer.ts';
import { IdentityRollover } from '../../src/sessions/identity-rollover.ts';
import type { SpiffeSource } from '../../src/spiffe/spiffe-source.ts';
import { codeOf, writeFile } from '../identity/identity-directory.ts';
import { MINUTE, recordingLog, SECOND } from '../sessions/support.ts';
import { type Authority, makeAuthority } from '../support/pki.ts';
import { FakeAgent, type FakeSvid, makeSvid, refusing } from './fake-agent.ts';

vi.setConfig({ testTimeout: 120_000 });

let authority: Authority;
beforeAll(async () => {
  authority = await makeAuthority();
});

const HOST = 'spiffe://example.org/host';
const DEVICE = 'spiffe://example.org/device';

/** An identity as a command reads it, from an agent with these SVIDs. */
async function loaded(
  svids: readonly FakeSvid[],
  chosen: Omit<SpiffeSource, 'kind'> = {},
  config: Partial<IdentityConfig> = {},
): Promise<LoadedIdentity> {
  const { socket } = await FakeAgent.start(svids);
  const read = withOutsideKeys(loadIdentity, keysOfCommand({}));
  const { signal } = new AbortController();
  const certificate: SpiffeSource = { kind: 'spiffe', socket, ...chosen };
  return read({ allowReadableKey: false, ...config, certificate }, { now: Date.now(), environment: {} }, signal);
}

const codesOf = ({ warnings }: LoadedIdentity): string[] => warnings.map(({ code }) => code);
/** Which of the SVIDs it is. */
const nameOf = ({ identity: { key } }: LoadedIdentity): string => ('id' in key ? key.id : key.kind);

describe('one of several SVIDs', () => {
  const several = async (): Promise<FakeSvid[]> => [
    await makeSvid(authority, { id: HOST, hint: 'host' }),
    await makeSvid(authority, { id: DEVICE, hint: 'device' }),
  ];

  test('is chosen by hint, by ID, or by both', async () => {
    for (const chosen of [{ hint: 'device' }, { id: DEVICE }, { id: DEVICE, hint: 'device' }]) {
      const found = await loaded(await several(), chosen);
      expect(nameOf(found)).toBe(DEVICE);
      expect(codesOf(found)).toEqual([]);
    }
  });

  test('is the first without a choice, with a warning that names all', async () => {
    const found = await loaded(await several());
    expect(nameOf(found)).toBe(HOST);
    expect(codesOf(found)).toEqual(['SPIFFE_SEVERAL_SVIDS']);
    expect(found.warnings[0]?.message).toContain(`${HOST} (hint host), ${DEVICE} (hint device)`);
  });

  test('is the only one without a choice', async () => {
    expect(codesOf(await loaded([await makeSvid(authority, { id: HOST })]))).toEqual([]);
  });

  test('may not be there, which names those that are', async () => {
    for (const chosen of [
      { hint: 'other' },
      { id: `${DEVICE}/2` },
      { id: DEVICE.slice(0, -1) },
      { id: HOST, hint: 'device' },
    ]) {
      const failed = loaded(await several(), chosen);
      await expect(failed).rejects.toThrow(`${HOST} (hint host), ${DEVICE} (hint device)`);
      expect(await codeOf(failed)).toBe('SPIFFE_SVID_NOT_FOUND');
    }
  });

  test('is missing in an empty answer', async () => {
    expect(await codeOf(loaded([]))).toBe('SPIFFE_NO_IDENTITY');
  });
});

describe('an SVID', () => {
  test('is proven, with its intermediates and the key in memory', async () => {
    const intermediate = await authority.subordinate('Intermediate');
    const svid = await makeSvid(intermediate);
    const certificates = [...svid.certificates, intermediate.certificateDer];
    const { identity, warnings } = await loaded([{ ...svid, certificates, bundle: [authority.certificateDer] }]);
    expect(warnings).toEqual([]);
    expect(identity.certificate).toEqual(svid.certificates[0]);
    expect(identity.chain).toEqual([intermediate.certificateDer]);
    expect(identity.key).toMatchObject({ kind: 'spiffe', id: DEVICE });
    expect(Object.isFrozen(identity)).toBe(true);
    // A restart of the agent replaces it, and with it what it sealed.
    expect(sealingKey(identity.key)).toBeUndefined();
  });

  test('with RSA works as well', async () => {
    const { identity } = await loaded([await makeSvid(authority, { keys: 'RSA-2048' })]);
    expect(identity.algorithm).toBe('AWS4-X509-RSA-SHA256');
  });

  test('must lead to the configured trust anchor', async () => {
    const svid = await makeSvid(authority);
    const trustAnchorBundle = writeFile(authority.certificatePem);
    expect(nameOf(await loaded([svid], {}, { trustAnchorBundle }))).toBe(DEVICE);
    const other = writeFile((await makeAuthority('Other')).certificatePem);
    expect(await codeOf(loaded([svid], {}, { trustAnchorBundle: other }))).toBe('TRUST_ANCHOR_UNREACHABLE');
  });

  test('is rejected after its end, because agents go on handing it out', async () => {
    const now = Math.floor(Date.now() / 1_000) * 1_000;
    const svid = await makeSvid(authority, { notBefore: now - MINUTE, notAfter: now - SECOND });
    const failed = loaded([svid]);
    await expect(failed).rejects.toThrow(DEVICE);
    expect(await codeOf(failed)).toBe('SPIFFE_SVID_EXPIRED');
  });

  test('of another key, or damaged, is rejected', async () => {
    const svid = await makeSvid(authority);
    const another = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
    const key = another.export({ format: 'der', type: 'pkcs8' });
    expect(await codeOf(loaded([{ ...svid, key }]))).toBe('KEY_CERTIFICATE_MISMATCH');
    expect(await codeOf(loaded([{ ...svid, key: Buffer.from('key') }]))).toBe('PRIVATE_KEY_MALFORMED');
    expect(await codeOf(loaded([{ ...svid, certificates: [] }]))).toBe('NO_CERTIFICATE');
    const cut = svid.certificates.map((der) => der.subarray(0, 100));
    expect(await codeOf(loaded([{ ...svid, certificates: cut }]))).toBe('SPIFFE_ANSWER_UNREADABLE');
  });

  test('that Roles Anywhere refuses is rejected before a call', async () => {
    expect(await codeOf(loaded([await makeSvid(authority, { subject: '' })]))).toBe('CERTIFICATE_EMPTY_SUBJECT');
  });

  test("warns of a root that lasts a day, like SPIRE's own", async () => {
    const now = Math.floor(Date.now() / 1_000) * 1_000;
    const daily = await makeAuthority('SPIFFE', { notBefore: now - MINUTE, notAfter: now + 24 * 60 * MINUTE });
    const found = await loaded([await makeSvid(daily, { notBefore: now - MINUTE, notAfter: now + 60 * MINUTE })]);
    expect(codesOf(found)).toEqual(['SPIFFE_ROOT_SHORT_LIVED']);
    const unreadable = await loaded([{ ...(await makeSvid(authority)), bundle: [Buffer.from('bundle')] }]);
    expect(codesOf(unreadable)).toEqual([]);
  });
});

test('a request for a certificate has no use for its key', async () => {
  const { socket } = await FakeAgent.start([await makeSvid(authority)]);
  const config: IdentityConfig = { allowReadableKey: false, certificate: { kind: 'spiffe', socket } };
  const context = { now: Date.now(), environment: {} };
  const asked = requestedKey(config, context, { keys: keysOfCommand({}), named: undefined });
  expect(await codeOf(asked)).toBe('SPIFFE_OWN_KEYS');
});

test('the socket may be named in the environment', async () => {
  const { socket } = await FakeAgent.start([await makeSvid(authority)]);
  const read = withOutsideKeys(loadIdentity, keysOfCommand({}));
  const outcome = (address?: string): Promise<string> => {
    const environment = address === undefined ? {} : { SPIFFE_ENDPOINT_SOCKET: address };
    const config: IdentityConfig = { allowReadableKey: false, certificate: { kind: 'spiffe' } };
    return read(config, { now: Date.now(), environment }, new AbortController().signal).then(
      nameOf,
      (error: unknown) => (error as CodedError).code,
    );
  };
  expect(await outcome(`unix://${socket}`)).toBe(DEVICE);
  expect(await outcome(socket)).toBe('SPIFFE_SOCKET_MISSING');
  expect(await outcome('tcp://127.0.0.1:8081')).toBe('SPIFFE_SOCKET_MISSING');
  expect(await outcome()).toBe('SPIFFE_SOCKET_MISSING');
});

/** An agent that the daemon follows. */
async function watched(svids: readonly FakeSvid[]) {
  const agent = await FakeAgent.start(svids);
  const { log, lines } = recordingLog();
  const rollover = new IdentityRollover({ clock: systemClock, log });
  const reads: string[] = [];
  const read = withOutsideKeys(readIdentity, keysOfCommand({}));
  const certificate: SpiffeSource = { kind: 'spiffe', socket: agent.socket, id: DEVICE };
  const identity = new WatchedIdentity(
    { allowReadableKey: false, certificate },
    {
      held: rollover,
      readIdentity: async (...args) => {
        reads.push('read');
        return read(...args);
      },
      watch: watchFiles,
      environment: {},
      clock: systemClock,
      log,
    },
  );
  identity.start();
  onTestFinished(() => identity.stop());
  return { agent, identity, rollover, reads, lines };
}

const serialOf = (der: Buffer | undefined): string => der?.toString('base64') ?? '';
const WITHIN = { timeout: 60_000 };

describe('the stream of an agent', () => {
  test('gives the first identity, and each later one as a candidate', async () => {
    const first = await makeSvid(authority, { id: DEVICE });
    const { agent, identity, rollover } = await watched([first]);
    expect((await identity.current()).certificate).toEqual(first.certificates[0]);
    for (let round = 0; round < 3; round += 1) {
      const next = await makeSvid(authority, { id: DEVICE });
      agent.push([next]);
      await expect.poll(() => serialOf(rollover.candidate?.certificate), WITHIN).toBe(serialOf(next.certificates[0]));
    }
    expect(rollover.used?.certificate).toEqual(first.certificates[0]);
    expect(agent.calls).toHaveLength(1);
  });

  test('changes nothing with the same SVIDs again', async () => {
    const first = await makeSvid(authority, { id: DEVICE });
    const { agent, identity, rollover, reads } = await watched([first]);
    await identity.current();
    await expect.poll(() => rollover.used, WITHIN).toBeDefined();
    const before = reads.length;
    for (let round = 0; round < 3; round += 1) agent.push([first]);
    await delay(1_000);
    expect(reads.length).toBeLessThanOrEqual(before + 1);
    expect(rollover.candidate).toBeUndefined();
  });

  test('survives a restart of the agent, with new SVIDs', async () => {
    const first = await makeSvid(authority, { id: DEVICE });
    const { agent, identity, rollover, lines } = await watched([first]);
    await identity.current();
    await agent.stop();
    await expect.poll(() => identity.fault?.code, WITHIN).toMatch(/^SPIFFE_AGENT_/);
    expect((await identity.current()).certificate).toEqual(first.certificates[0]);
    const next = await makeSvid(authority, { id: DEVICE });
    agent.push([next]);
    await agent.listen();
    await expect.poll(() => serialOf(rollover.candidate?.certificate), WITHIN).toBe(serialOf(next.certificates[0]));
    await expect.poll(() => identity.fault, WITHIN).toBeUndefined();
    expect(lines.filter(({ level }) => level === 'error')).toEqual([]);
  });

  test('keeps the last SVID after its entry was removed, and shows that', async () => {
    const first = await makeSvid(authority, { id: DEVICE });
    const { agent, identity } = await watched([first]);
    await identity.current();
    agent.refuse(7, 'no identity issued');
    await expect.poll(() => identity.fault?.code, WITHIN).toBe('SPIFFE_NO_IDENTITY');
    expect((await identity.current()).certificate).toEqual(first.certificates[0]);
  });

  test('may start before the agent has an identity for the daemon', async () => {
    const { agent, identity } = await watched([]);
    agent.answer = refusing(7, 'no identity issued');
    expect(await codeOf(identity.current())).toBe('SPIFFE_NO_IDENTITY');
    agent.push([await makeSvid(authority, { id: DEVICE })]);
    await expect.poll(() => identity.fault, WITHIN).toBeUndefined();
    expect((await identity.current()).key).toMatchObject({ id: DEVICE });
  });

  test('shows an SVID that ends while the agent does not renew it', async () => {
    const now = Math.floor(Date.now() / 1_000) * 1_000;
    const short = await makeSvid(authority, { id: DEVICE, notBefore: now - MINUTE, notAfter: now + 15 * SECOND });
    const { agent, identity, rollover } = await watched([short]);
    await identity.current();
    await expect.poll(() => rollover.current(), WITHIN).toBeUndefined();
    expect(await codeOf(identity.current())).toBe('SPIFFE_SVID_EXPIRED');
    identity.nudge();
    await expect.poll(() => identity.fault?.code, WITHIN).toBe('SPIFFE_SVID_EXPIRED');
    const next = await makeSvid(authority, { id: DEVICE });
    agent.push([next]);
    await expect
      .poll(async () => serialOf((await identity.current()).certificate), WITHIN)
      .toBe(serialOf(next.certificates[0]));
    await expect.poll(() => identity.fault, WITHIN).toBeUndefined();
  });
});
