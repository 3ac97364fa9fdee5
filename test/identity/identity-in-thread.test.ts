// What crosses between the threads. test/integration reads files in the real one, which needs the built program.
import { generateKeyPairSync } from 'node:crypto';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { IdentityConfig } from '../../src/config/config.ts';
import { CodedError } from '../../src/foundation/errors.ts';
import type * as ThreadModule from '../../src/foundation/thread.ts';
import { partsOf, runInThread } from '../../src/foundation/thread.ts';
import { identityInThread } from '../../src/identity/identity-in-thread.ts';
import type { LoadContext } from '../../src/identity/load-identity.ts';
import { NOW } from './identity-directory.ts';

vi.mock('../../src/foundation/thread.ts', async (original) => ({
  ...(await original<typeof ThreadModule>()),
  runInThread: vi.fn(),
}));

const config: IdentityConfig = { certificate: '/etc/device.pem', allowReadableKey: false };
const { signal } = new AbortController();
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const warning = new CodedError('CERTIFICATE_UNUSUAL', 'it is unusual', 'Ask.', undefined);
const read = {
  identity: { certificate: Buffer.of(1), chain: [Buffer.of(2)], subject: 'CN=a', key: { kind: 'file', privateKey } },
  warnings: [partsOf(warning)],
};

const inputOf = async (context: LoadContext): Promise<unknown> => {
  await identityInThread(config, context, signal);
  return vi.mocked(runInThread).mock.lastCall?.[1];
};

describe('an identity that is read in a thread', () => {
  beforeEach(() => {
    vi.mocked(runInThread).mockImplementation((_, input) => {
      structuredClone(input);
      return Promise.resolve(structuredClone(read));
    });
  });

  it('arrives as one that is read here', async () => {
    const { identity, warnings } = await identityInThread(config, { now: NOW, environment: {} }, signal);
    expect(identity).toMatchObject({ subject: 'CN=a', key: { kind: 'file' } });
    expect([identity.certificate, identity.chain]).toEqual([Buffer.of(1), [Buffer.of(2)]]);
    expect([identity, identity.chain].map((each) => Object.isFrozen(each))).toEqual([true, true]);
    expect(warnings).toEqual([warning]);
    expect(warnings[0]).toBeInstanceOf(CodedError);
  });

  it('is read with what can cross: the environment as a copy, no functions', async () => {
    const environment = process.env;
    const outside = { key: undefined, certificates: undefined };
    const functions = { read: () => Promise.reject(new Error('read')), svids: () => Promise.resolve([]) };
    const context = { now: NOW, environment: { ...environment } };
    expect(await inputOf({ now: NOW, environment, ...functions })).toStrictEqual({ config, context });
    expect(await inputOf({ now: NOW, environment, outside })).toStrictEqual({
      config,
      context: { ...context, outside },
    });
  });

  it('takes a minute and 128 MB at most', async () => {
    await identityInThread(config, { now: NOW, environment: {} }, signal);
    const [file, , limits] = vi.mocked(runInThread).mock.lastCall ?? [];
    expect(file).toMatch(/\/src\/identity\/identity-thread\.js$/);
    expect(limits).toMatchObject({ signal, memoryMb: 128, deadlineMs: 60_000 });
    expect(limits?.late()).toMatchObject({
      code: 'FILES_SLOW',
      message: 'certificate and key were not read within 60 s',
    });
  });
});
