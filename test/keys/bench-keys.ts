/**
 * `npm run bench:keys [-- --rounds 20]`: what one signature costs, by where the key is. Time, memory of the processes that sign, and
 * the longest stall of the event loop of the one that asks, in the median of all signatures. Sources whose tools are missing are left out by name.
 */
import { execFileSync } from 'node:child_process';
import { createSecretKey, type KeyObject } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { keyProcesses } from '../../src/keys/ask-key-process.ts';
import { type OutsideKeys, outsideKeys } from '../../src/keys/outside-keys.ts';
import type { KeyMaterial } from '../../src/keys/signing-key.ts';
import { publicKeyInFile } from '../../src/keys/tpm/tpm-key.ts';
import { makeKeys } from '../support/pki.ts';
import { startAgent } from './running-agent.ts';
import { SoftwareTpm } from './tpm/software-tpm.ts';

const SOFTHSM = '/usr/lib/softhsm/libsofthsm2.so';
const PIN = '1234';
const { signal } = new AbortController();
const pair = makeKeys('P-256');
const keyPem = pair.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();

interface Place {
  readonly key: KeyMaterial;
  readonly environment?: Readonly<Record<string, string>>;
  readonly close?: () => Promise<void>;
}

/** Each makes what it needs in a directory. */
const PLACES: Readonly<Record<string, (directory: string) => Place | Promise<Place>>> = {
  file: () => ({ key: { kind: 'file', privateKey: pair.privateKey } }),
  'ssh-agent: OpenSSH': async () => {
    const agent = await startAgent();
    agent.add(pair.privateKey);
    return { key: { kind: 'ssh-agent', socket: agent.socket, ...held() }, close: agent.close };
  },
  'command: sh and openssl': (directory) => {
    const [key, program] = [path.join(directory, 'key'), path.join(directory, 'sign')];
    writeFileSync(key, keyPem, { mode: 0o600 });
    writeFileSync(program, signingScript(key, path.join(directory, 'message')), { mode: 0o700 });
    return { key: { kind: 'command', argv: [program], environment: [], timeoutMs: 10_000, ...held() } };
  },
  'pkcs11: SoftHSM': (directory) => {
    const environment = { PATH: process.env['PATH'] ?? '', SOFTHSM2_CONF: path.join(directory, 'softhsm2.conf') };
    writeFileSync(environment.SOFTHSM2_CONF, `directories.tokendir = ${directory}\n`);
    const run = (program: string, ...args: string[]): unknown =>
      execFileSync(program, args, { env: environment, stdio: 'pipe' });
    const file = path.join(directory, 'key.pem');
    writeFileSync(file, keyPem, { mode: 0o600 });
    run('softhsm2-util', '--init-token', '--free', '--label', 'bench', '--so-pin', '12345678', '--pin', PIN);
    run('softhsm2-util', '--import', file, '--token', 'bench', '--label', 'key', '--id', '01', '--pin', PIN);
    return { key: { kind: 'pkcs11', uri: 'pkcs11:token=bench', module: SOFTHSM, ...held(PIN) }, environment };
  },
  'tpm: swtpm': async (directory) => {
    const tpm = await SoftwareTpm.start();
    const file = path.join(directory, 'key.tss');
    const environment = { ...process.env, TPM_DEVICE: tpm.device };
    execFileSync(process.execPath, ['dist/main.js', 'key', 'new', '--tpm', file], { env: environment, stdio: 'pipe' });
    const der = Buffer.from(readFileSync(file, 'utf8').replaceAll(/-----.*-----|\s/g, ''), 'base64');
    const source = { kind: 'tpm', key: { file: der, path: file }, device: tpm.device } as const;
    return { key: { ...source, secret: undefined, publicKey: publicKeyInFile(der) }, close: () => tpm.stop() };
  },
};

function held(pin?: string): { readonly secret: KeyObject | undefined; readonly publicKey: KeyObject } {
  return { secret: pin === undefined ? undefined : createSecretKey(Buffer.from(pin)), publicKey: pair.publicKey };
}

function signingScript(key: string, message: string): string {
  return [
    '#!/bin/sh',
    `sed 's/.*"message":"\\([^"]*\\)".*/\\1/' | base64 -d >'${message}'`,
    `printf '{"signature":"%s"}' "$(openssl dgst -sha256 -sign '${key}' '${message}' | base64 -w0)"`,
    '',
  ].join('\n');
}

interface Cost {
  readonly medianMs: number;
  readonly worstMs: number;
  readonly stallMs: number;
  readonly childMb: number;
}

async function costOf({ key, environment = {} }: Place, rounds: number): Promise<Cost> {
  const program = path.resolve('dist/key-process.js');
  const options = { environment: { ...process.env, ...environment }, log: () => undefined, program };
  const keys = outsideKeys(keyProcesses(options));
  await signedIn(keys, key);
  const loop = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  loop.enable();
  const [times, stalls]: [number[], number[]] = [[], []];
  for (let round = 0; round < rounds; round += 1) {
    loop.reset();
    times.push(await signedIn(keys, key));
    await delay(20);
    stalls.push(loop.max / 1e6 - RESOLUTION_MS);
  }
  loop.disable();
  const childMb = await childMemory(keys, key);
  return { medianMs: median(times), worstMs: Math.max(...times), stallMs: median(stalls), childMb };
}

const RESOLUTION_MS = 1;

function median(values: readonly number[]): number {
  return values.toSorted((left, right) => left - right)[Math.floor(values.length / 2)] ?? 0;
}

async function signedIn(keys: OutsideKeys, key: KeyMaterial): Promise<number> {
  const began = performance.now();
  await keys.sign({ algorithm: 'AWS4-X509-ECDSA-SHA256', key }, Buffer.from('text'), signal);
  return performance.now() - began;
}

/** The largest that a process started for one signature becomes, in MB; on its own, as looking takes time. */
async function childMemory(keys: OutsideKeys, key: KeyMaterial): Promise<number> {
  const before = new Set(children());
  let most = 0;
  const look = setInterval(() => {
    for (const pid of children().filter((one) => !before.has(one))) most = Math.max(most, peakKb(pid));
  }, 1);
  for (let round = 0; round < 3; round += 1) await signedIn(keys, key);
  clearInterval(look);
  return most / 1024;
}

function children(): string[] {
  return readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').split(' ').filter(Boolean);
}

function peakKb(pid: string): number {
  const file = `/proc/${pid}/status`;
  try {
    return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(file, 'utf8'))?.[1] ?? 0);
  } catch {
    return 0;
  }
}

async function row(
  name: string,
  place: (directory: string) => Place | Promise<Place>,
  rounds: number,
): Promise<string> {
  const directory = mkdtempSync(path.join(tmpdir(), 'imds-anywhere-bench-'));
  try {
    const made = await place(directory);
    try {
      const { medianMs, worstMs, stallMs, childMb } = await costOf(made, rounds);
      const child = childMb === 0 ? '-' : childMb.toFixed(0);
      return `| ${name} | ${medianMs.toFixed(1)} | ${worstMs.toFixed(1)} | ${stallMs.toFixed(1)} | ${child} |`;
    } finally {
      await made.close?.();
    }
  } catch (error) {
    return `left out: ${name}: ${error instanceof Error ? error.message : String(error)}`;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '20' } } });
if (!existsSync('dist/key-process.js')) throw new Error('run npm run build first');
process.stdout.write(`Node ${process.versions.node}, ${values.rounds} signatures each, P-256\n\n`);
process.stdout.write('| Key | median ms | worst ms | longest stall, ms | process that signs, MB |\n');
process.stdout.write('| --- | --- | --- | --- | --- |\n');
for (const [name, place] of Object.entries(PLACES))
  process.stdout.write(`${await row(name, place, Number(values.rounds))}\n`);
