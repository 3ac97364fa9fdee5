import { createHash, verify } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { CommandSource } from '../../src/keys/key-source.ts';
import { askCommand } from '../../src/keys/signer-command.ts';
import { type KeyKind, type KeyPair, makeKeys } from '../support/pki.ts';
import { eventually } from '../support/program.ts';
import { describeWith, hasTool } from '../support/tools.ts';

const message = Buffer.from('AWS4-X509-ECDSA-SHA256\n20261130T120000Z\nwhat is to be signed');
const never = new AbortController().signal;
const keys = makeKeys('P-256');

let directory: string;
let programs = 0;
beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'imds-anywhere-command-'));
  return () => rm(directory, { recursive: true, force: true });
});

/** A shell script that is run as a command. */
async function script(...lines: string[]): Promise<string> {
  const file = path.join(directory, `signer-${(programs += 1)}`);
  await writeFile(file, ['#!/bin/sh', ...lines, ''].join('\n'));
  await chmod(file, 0o700);
  return file;
}

interface Options {
  readonly timeoutMs?: number;
  readonly environment?: readonly string[];
  readonly signal?: AbortSignal;
  readonly keys?: KeyPair;
}

async function signedBy(argv: CommandSource['argv'], options: Options = {}): Promise<Buffer> {
  const { publicKey } = options.keys ?? keys;
  const algorithm = publicKey.asymmetricKeyType === 'rsa' ? 'AWS4-X509-RSA-SHA256' : 'AWS4-X509-ECDSA-SHA256';
  const source = { kind: 'command', argv, timeoutMs: 20_000, environment: [], ...options } as const;
  const spki = publicKey.export({ format: 'der', type: 'spki' });
  const request = { operation: 'sign', source, secret: undefined, algorithm, message, publicKey: spki } as const;
  return (await askCommand(source, request, process.env, options.signal ?? never)) ?? Buffer.alloc(0);
}

describeWith('OpenSSL', hasTool('openssl', 'version'), 'a command that signs', () => {
  it.each<KeyKind>(['RSA-2048', 'P-256', 'P-384', 'P-521'])('with %s', async (kind) => {
    const pair = makeKeys(kind);
    const key = path.join(directory, `${kind}.key`);
    await writeFile(key, pair.privateKey.export({ format: 'pem', type: 'pkcs8' }), { mode: 0o600 });
    const program = await script(
      // Standard input and output are opened by their names, which fails for a socket.
      `sed -n 's/.*"message":"\\([^"]*\\)".*/\\1/p' /dev/stdin | base64 -d >'${key}.text'`,
      `signature=$(openssl dgst -sha256 -sign '${key}' '${key}.text' | base64 -w0)`,
      `printf '{"signature":"%s"}\\n' "$signature" >/dev/stdout`,
    );
    const signature = await signedBy([program], { keys: pair });
    expect(verify('sha256', message, pair.publicKey, signature)).toBe(true);
  });
});

describe('what a command gets', () => {
  it('one line of JSON, then the end of its input', async () => {
    const copy = path.join(directory, 'request');
    const program = await script(`cat >'${copy}'`, `echo '{"signature":"AAAA"}'`);
    await signedBy([program]);
    const text = await readFile(copy, 'utf8');
    expect(text).toMatch(/^[^\n ]+[^\n]*\n$/);
    expect(JSON.parse(text)).toEqual({
      version: 1,
      operation: 'sign',
      algorithm: 'ecdsa-sha256',
      message: message.toString('base64'),
      digest: createHash('sha256').update(message).digest('base64'),
      publicKey: keys.publicKey.export({ format: 'pem', type: 'spki' }),
    });
  });

  it('PATH, the configured variables and no others', async () => {
    const copy = path.join(directory, 'environment');
    const program = await script(`env | sed 's/=.*//' | sort >'${copy}'`, `echo '{"signature":"AAAA"}'`);
    process.env['MARKED_FOR_COMMAND'] = 'yes';
    await signedBy([program], { environment: ['MARKED_FOR_COMMAND', 'NOT_SET_ANYWHERE'] });
    delete process.env['MARKED_FOR_COMMAND'];
    // The shell itself sets PWD and others.
    const names = (await readFile(copy, 'utf8'))
      .split('\n')
      .filter((name) => name && !/^(?:PWD|_|SHLVL|OLDPWD)$/.test(name));
    expect(names).toEqual(['MARKED_FOR_COMMAND', 'PATH']);
  });

  it('its unchanged arguments, without a shell, and the root as its directory', async () => {
    const copy = path.join(directory, 'arguments');
    const program = await script(`printf '%s\\n' "$PWD" "$@" >'${copy}'`, `echo '{"signature":"AAAA"}'`);
    const args = ['$(touch /tmp/never)', 'two words', '*', ''];
    await signedBy([program, ...args]);
    expect(await readFile(copy, 'utf8')).toBe(['/', ...args, ''].join('\n'));
  });
});

describe('a command that does not sign', () => {
  it.each([
    [
      'ends with a code',
      ['echo first >&2', 'echo the token is gone >&2', 'exit 3'],
      'SIGNER_COMMAND_FAILED',
      'slow',
      'exit code 3: the token is gone',
    ],
    [
      'ends with a code and a signature',
      [`echo '{"signature":"AAAA"}'`, 'exit 1'],
      'SIGNER_COMMAND_FAILED',
      'slow',
      'exit code 1',
    ],
    ['says no', [`echo '{"error":"no such key"}'`], 'SIGNER_COMMAND_FAILED', 'slow', 'no such key'],
    [
      'says no with a code',
      [`echo '{"error":"no such key"}'`, 'exit 1'],
      'SIGNER_COMMAND_FAILED',
      'slow',
      'no such key',
    ],
    ['says to ask again', [`echo '{"error":"busy","retry":true}'`], 'SIGNER_COMMAND_FAILED', 'soon', 'busy'],
    [
      'says no with control characters',
      [`printf '{"error":"\\\\u001b[2J\\\\u202eno"}'`],
      'SIGNER_COMMAND_FAILED',
      'slow',
      '\\x1b[2J\\u202eno',
    ],
    ['prints nothing', [], 'SIGNER_COMMAND_ANSWER', 'slow', 'not JSON'],
    [
      'prints no JSON',
      ['echo signature', 'echo see the manual >&2'],
      'SIGNER_COMMAND_ANSWER',
      'slow',
      'see the manual',
    ],
    ['prints other JSON', ['echo "[1]"'], 'SIGNER_COMMAND_ANSWER', 'slow', 'not JSON'],
    ['prints null', ['echo null'], 'SIGNER_COMMAND_ANSWER', 'slow', 'not JSON'],
    ['prints a number as its signature', [`echo '{"signature":1}'`], 'SIGNER_COMMAND_ANSWER', 'slow', 'not JSON'],
    [
      'prints two answers',
      [`echo '{"signature":"AAAA"}'`, `echo '{"signature":"AAAA"}'`],
      'SIGNER_COMMAND_ANSWER',
      'slow',
      'not JSON',
    ],
    ['prints without end', ['exec yes'], 'SIGNER_COMMAND_ANSWER', 'slow', '64 KiB'],
    ['complains without end', ['exec yes >&2'], 'SIGNER_COMMAND_ANSWER', 'slow', '64 KiB'],
    ['prints too much and ends', ['head -c 70000 /dev/zero'], 'SIGNER_COMMAND_ANSWER', 'slow', '64 KiB'],
    ['crashes', ['kill -SEGV $$'], 'SIGNER_ENDED', 'soon', 'SIGSEGV'],
  ] as const)('because it %s', async (_, lines, code, retry, text) => {
    await expect(signedBy([await script(...lines)])).rejects.toMatchObject({
      code,
      retry,
      message: expect.stringContaining(text) as string,
    });
  });

  it.each([
    ['is not there', () => '/nowhere/signer', /ENOENT/],
    ['is a directory', () => directory, /EACCES/],
    ['may not be run', () => path.join(directory, 'plain'), /EACCES/],
    ['has an impossible name', () => `${directory}/\0`, /null bytes/],
  ])('because it %s', async (_, program, why) => {
    await writeFile(path.join(directory, 'plain'), '', { mode: 0o600 });
    await expect(signedBy([program()])).rejects.toMatchObject({
      code: 'SIGNER_COMMAND_MISSING',
      retry: 'slow',
      message: expect.stringMatching(why) as string,
    });
  });

  it('because it hangs: it is ended at the deadline, with its children', async () => {
    const pids = path.join(directory, 'hanging');
    const program = await script(`sleep 600 &`, `echo $$ $! >'${pids}'`, 'sleep 600');
    await expect(signedBy([program], { timeoutMs: 4_000 })).rejects.toMatchObject({
      code: 'SIGNER_TIMEOUT',
      retry: 'soon',
      message: expect.stringContaining('within 4 s') as string,
    });
    await allEnded(pids);
  });

  it('because the caller gives up: it is ended', async () => {
    const pids = path.join(directory, 'given-up');
    const program = await script(`sleep 600 &`, `echo $$ $! >'${pids}'`, 'sleep 600');
    const caller = new AbortController();
    const reason = new Error('enough');
    const signature = signedBy([program], { signal: caller.signal });
    signature.catch(() => undefined);
    await eventually('its processes', 10_000, () => (pidsIn(pids).length === 2 ? true : undefined));
    caller.abort(reason);
    await expect(signature).rejects.toBe(reason);
    await allEnded(pids);
  });
});

it('processes that a command leaves are ended', async () => {
  const pids = path.join(directory, 'left');
  const program = await script(`sleep 600 &`, `echo $! >'${pids}'`, `echo '{"signature":"AAAA"}'`);
  await signedBy([program]);
  await allEnded(pids);
});

function pidsIn(file: string): string[] {
  return existsSync(file) ? readFileSync(file, 'utf8').split(/\s+/).filter(Boolean) : [];
}

async function allEnded(file: string): Promise<void> {
  expect(pidsIn(file)).not.toEqual([]);
  await eventually('the end of its processes', 10_000, () => (pidsIn(file).some(isRunning) ? undefined : true));
}

/** A zombie does not run: a container may have nothing that waits for it. */
function isRunning(pid: string): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
