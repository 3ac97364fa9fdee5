import { createPublicKey, createSecretKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, beforeEach, expect, it } from 'vitest';
import { keyProcesses } from '../../src/keys/ask-key-process.ts';
import type { KeyRequest } from '../../src/keys/key-request.ts';
import { type OutsideKeys, outsideKeys } from '../../src/keys/outside-keys.ts';
import type { SigningKey } from '../../src/keys/signing-key.ts';
import { makeAuthority } from '../support/pki.ts';
import { describeWith, hasTool } from '../support/tools.ts';
import { FaultyTokens } from './faulty-token.ts';
import { hasTokens, PIN } from './soft-token.ts';

interface Line {
  readonly level: string;
  readonly fields: Readonly<Record<string, unknown>> | undefined;
}

describeWith('softhsm2, opensc and gcc', hasTokens() && hasTool('gcc', '--version'), 'a faulty module', () => {
  const tokens = new FaultyTokens();
  const { signal } = new AbortController();
  const lines: Line[] = [];
  let publicKey: SigningKey['key'] & { kind: 'pkcs11' };

  beforeAll(async () => {
    tokens.addToken('dev');
    const leaf = await (await makeAuthority()).issue();
    tokens.addKey('dev', leaf, { label: 'key', id: '01' });
    tokens.addCertificate('dev', leaf, { label: 'key', id: '01' });
    publicKey = {
      ...{ kind: 'pkcs11', uri: 'pkcs11:token=dev;object=key', module: tokens.faultyModule },
      ...{ secret: createSecretKey(Buffer.from(PIN)), publicKey: createPublicKey(leaf.certificatePem) },
    };
  });

  beforeEach(() => {
    tokens.fault();
    lines.length = 0;
  });

  /** Of a process that has just started, so that no PIN is remembered. */
  function fresh(deadlineMs = 10_000): OutsideKeys {
    return outsideKeys(
      keyProcesses({
        environment: tokens.environment,
        log: (level, _, fields) => lines.push({ level, fields }),
        program: path.resolve('dist/key-process.js'),
        deadlineMs,
      }),
    );
  }

  function signWith(keys: OutsideKeys, { pin = PIN, until = signal } = {}): Promise<Buffer> {
    const secret = createSecretKey(Buffer.from(pin));
    const key = { algorithm: 'AWS4-X509-ECDSA-SHA256', key: { ...publicKey, secret } } as const;
    return keys.sign(key, Buffer.from('text'), until);
  }

  it('that hangs costs one deadline', async () => {
    const keys = fresh(1_500);
    tokens.fault('C_Sign hang');
    await expect(signWith(keys)).rejects.toMatchObject({ code: 'KEY_PROCESS_LATE', retry: 'soon', kind: 'transient' });
    const pid = tokens.calls[0]?.pid ?? 0;
    expect(isGone(pid)).toBe(true);
    tokens.fault();
    await expect(signWith(keys)).resolves.toBeInstanceOf(Buffer);
  });

  it.each([
    ['C_Sign crash', /SIGSEGV/],
    ['C_Initialize exit', /ended with 3/],
  ])('%s is one error', async (fault, message) => {
    const keys = fresh();
    tokens.fault(fault);
    const failure = { code: 'KEY_PROCESS_ENDED', retry: 'soon', message: expect.stringMatching(message) as string };
    await expect(signWith(keys)).rejects.toMatchObject(failure);
    tokens.fault();
    await expect(signWith(keys)).resolves.toBeInstanceOf(Buffer);
  });

  it('that is slow signs', async () => {
    tokens.fault('C_Sign delay 700');
    await expect(signWith(fresh())).resolves.toBeInstanceOf(Buffer);
  });

  it.each([
    ['C_OpenSession rv 0xe0', 'PKCS11_TOKEN_GONE', 'soon'],
    ['C_OpenSession rv 0xe1', 'PKCS11_TOKEN_GONE', 'soon'],
    ['C_Sign rv 0x32', 'PKCS11_TOKEN_GONE', 'soon'],
    ['C_Sign rv 0x30', 'PKCS11_TOKEN_GONE', 'soon'],
    ['C_SignInit rv 0x82', 'PKCS11_TOKEN_GONE', 'soon'],
    ['C_Login rv 0xb3', 'PKCS11_TOKEN_GONE', 'soon'],
    ['C_Login rv 0x5', 'PKCS11_CALL_FAILED', 'soon'],
    ['C_Initialize rv 0x30', 'PKCS11_TOKEN_GONE', 'soon'],
    ['C_GetSlotList none', 'PKCS11_TOKEN_NOT_FOUND', 'soon'],
    ['C_Login rv 0xa0', 'PKCS11_PIN_WRONG', 'slow'],
    ['C_Login rv 0xa2', 'PKCS11_PIN_WRONG', 'slow'],
    ['C_Login rv 0xa3', 'PKCS11_PIN_EXPIRED', 'slow'],
    ['C_Login rv 0x102', 'PKCS11_PIN_EXPIRED', 'slow'],
    ['C_Login rv 0xa4', 'PKCS11_PIN_LOCKED', 'slow'],
    ['C_SignInit rv 0x68', 'PKCS11_KEY_CANNOT_SIGN', 'slow'],
    ['C_SignInit rv 0x70', 'PKCS11_KEY_CANNOT_SIGN', 'slow'],
  ])('%s is %s, retried %s', async (fault, code, retry) => {
    tokens.fault(fault);
    await expect(signWith(fresh())).rejects.toMatchObject({ code, retry });
  });

  it('is initialized without locks if it supports none', async () => {
    tokens.fault('C_Initialize rv-once 0xa');
    await signWith(fresh());
    expect(tokens.count('C_Initialize')).toBe(2);
  });

  it('that another program uses is asked up to three times', async () => {
    tokens.fault('C_Login rv-once 0x5');
    await signWith(fresh());
    expect(tokens.count('C_Login')).toBe(2);
    tokens.fault('C_Login rv 0x5');
    await expect(signWith(fresh())).rejects.toMatchObject({ code: 'PKCS11_CALL_FAILED' });
    expect(tokens.count('C_Login')).toBe(3);
  });

  it('prints to the debug log, without the PIN', async () => {
    tokens.fault('C_Login noise');
    await signWith(fresh());
    expect(lines).toMatchObject([
      { level: 'debug', fields: { output: expect.stringContaining('[secret]') as string } },
    ]);
    expect(String(lines[0]?.fields?.['output']).length).toBeLessThan(2_100);
    expect(JSON.stringify(lines)).not.toContain(PIN);
  });

  it('that starts a process has it ended', async () => {
    tokens.fault('C_Login fork');
    await signWith(fresh());
    const pid = tokens.calls.find(({ name }) => name === 'forked')?.pid ?? 0;
    await expect.poll(() => isGone(pid)).toBe(true);
  });

  it('gets a wrong PIN once, then the right one', async () => {
    const keys = fresh();
    const wrong = { code: 'PKCS11_PIN_WRONG', retry: 'slow' };
    for (let times = 0; times < 3; times += 1)
      await expect(signWith(keys, { pin: '9999' })).rejects.toMatchObject(wrong);
    expect(tokens.count('C_Login')).toBe(1);
    await signWith(keys);
    expect(tokens.count('C_Login')).toBe(2);
  });

  it('gets a wrong PIN once, even with simultaneous requests', async () => {
    const keys = fresh();
    const asked = await Promise.allSettled([1, 2, 3].map(() => signWith(keys, { pin: '9999' })));
    expect(asked.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    expect(tokens.count('C_Login')).toBe(1);
    await signWith(keys);
  });

  it.each([
    ['0x20000', 'PKCS11_LAST_TRY'],
    ['0x40000', 'PKCS11_PIN_LOCKED'],
  ])('gets no login if its flags have %s', async (flags, code) => {
    tokens.fault(`C_GetTokenInfo flags ${flags}`);
    await expect(signWith(fresh())).rejects.toMatchObject({ code, retry: 'slow' });
    expect(tokens.count('C_Login')).toBe(0);
  });

  it('is asked by one process at a time', async () => {
    const keys = fresh();
    await Promise.all([1, 2, 3].map(() => signWith(keys)));
    const processes = tokens.calls.map(({ pid }) => pid);
    const changes = processes.filter((pid, index) => pid !== processes[index - 1]);
    expect(changes).toHaveLength(3);
  });

  it('is asked by only a few at a time', async () => {
    const stopping = Array.from({ length: 32 }, () => new AbortController());
    const ask = keyProcesses({ environment: {}, log: () => undefined, program: '/nonexistent' });
    const request: KeyRequest = {
      ...{ operation: 'keys', source: { kind: 'pkcs11', uri: 'pkcs11:', module: 'm' }, secret: undefined },
    };
    const settled = Promise.allSettled(stopping.map((each) => ask(request, each.signal)));
    await expect(ask(request, signal)).rejects.toMatchObject({ code: 'KEY_QUEUE_FULL', retry: 'soon' });
    stopping.forEach((each) => {
      each.abort();
    });
    await settled;
  });

  it('that hangs does not hold a caller that gives up', async () => {
    const keys = fresh();
    tokens.fault('C_Login hang');
    const stopping = new AbortController();
    const asked = Promise.allSettled([1, 2, 3].map(() => signWith(keys, { until: stopping.signal })));
    await expect.poll(() => tokens.count('C_Login')).toBe(1);
    stopping.abort();
    expect((await asked).map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    const pid = tokens.calls[0]?.pid ?? 0;
    await expect.poll(() => isGone(pid)).toBe(true);
    expect(tokens.count('C_Initialize')).toBe(1);
  });
});

/** Gone, or a zombie: in a container, the first process may wait for none. */
function isGone(pid: number): boolean {
  try {
    return /^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return true;
  }
}
