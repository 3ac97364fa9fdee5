import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '../support/free-port.ts';
import type { Contender } from './contenders.ts';
import { onCore } from './cores.ts';
import type { Target } from './load.ts';

const LISTING = '/latest/meta-data/iam/security-credentials/';
/** Between two checks whether it listens. */
const LOOK_MS = 1;
const START_MS = 20_000;

export interface RunningContender {
  readonly name: Contender['name'];
  readonly pid: number;
  readonly target: Target;
  /** From its start until it accepted a connection. */
  readonly listeningMs: number;
  /** From its start until it served a document. */
  readonly answeringMs: number;
  readonly stop: () => Promise<void>;
}

/** Starts programs, uses them, and ends them in any case. */
export async function withRunning<T>(
  contenders: readonly Contender[],
  core: number | undefined,
  use: (running: readonly RunningContender[]) => Promise<T>,
): Promise<T> {
  const running: RunningContender[] = [];
  try {
    for (const contender of contenders) running.push(await started(contender, core));
    return await use(running);
  } finally {
    await Promise.all(running.map(({ stop }) => stop()));
  }
}

export async function started(contender: Contender, core: number | undefined): Promise<RunningContender> {
  const port = await freePort();
  const [program = '', ...args] = onCore(core, await contender.command(port));
  const began = performance.now();
  const child = spawn(program, args, { stdio: 'ignore', env: { PATH: process.env['PATH'], ...contender.environment } });
  try {
    const listeningMs = (await untilListening(child, port)) - began;
    const target = await answering(child, contender, `http://127.0.0.1:${port}`);
    const answeringMs = performance.now() - began;
    return { name: contender.name, pid: child.pid ?? 0, target, listeningMs, answeringMs, stop: () => ended(child) };
  } catch (error) {
    await ended(child);
    throw error;
  }
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill();
  await exit;
}

/** @returns the time of that. */
async function untilListening(child: ChildProcess, port: number): Promise<number> {
  return soon(child, async () => {
    const socket = connect(port, '127.0.0.1');
    try {
      await once(socket, 'connect');
      return performance.now();
    } catch {
      return undefined;
    } finally {
      socket.destroy();
    }
  });
}

async function answering(child: ChildProcess, contender: Contender, url: string): Promise<Target> {
  if (!contender.isMetadataService) return { url, path: '/', token: 'none' };
  return soon(child, async () => {
    const ttl = { 'x-aws-ec2-metadata-token-ttl-seconds': '21600' };
    const { body: token } = await ask(`${url}/latest/api/token`, 'PUT', ttl);
    const { body: role } = await ask(url + LISTING, 'GET', { 'x-aws-ec2-metadata-token': token });
    const path = LISTING + role;
    const { status, body } = await ask(url + path, 'GET', { 'x-aws-ec2-metadata-token': token });
    // The helper also answers 200 without keys.
    return status === 200 && /"AccessKeyId" ?: ?"[^"]/.test(body) ? { url, path, token } : undefined;
  });
}

interface Answer {
  readonly status: number | undefined;
  readonly body: string;
}

async function ask(url: string, method: string, headers: Readonly<Record<string, string>>): Promise<Answer> {
  const request = http.request(url, { method, headers, agent: false }).end();
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  let body = '';
  for await (const chunk of response.setEncoding('utf8')) body += String(chunk);
  return { status: response.statusCode, body };
}

async function soon<T>(child: ChildProcess, look: () => Promise<T | undefined>): Promise<T> {
  const deadline = performance.now() + START_MS;
  for (;;) {
    const seen = await look();
    if (seen !== undefined) return seen;
    if (child.exitCode !== null || performance.now() > deadline)
      throw new Error(`${child.spawnargs.join(' ')} did not start`);
    await delay(LOOK_MS);
  }
}
