import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import type { Client } from '../../src/environment/clients.ts';
import { type Client as MatrixClient, placeOf } from '../conformance/client.ts';
import { CLIENTS } from '../conformance/clients.ts';
import { type Answer, talkByLines } from '../conformance/conversation.ts';
import { type SignedRequest, Witness } from '../conformance/witness.ts';

export type Variables = Readonly<Record<string, string>>;

export interface Result {
  /** It signed with the served session, and with nothing else. */
  readonly worked: boolean;
  /** It sent a request that was signed with other keys, or not at all. */
  readonly usedOthers: boolean;
  readonly said: string;
}

/** A client of the conformance matrix, with its name in the rules. */
export interface RealClient {
  readonly client: Client;
  readonly isInstalled: boolean;
  readonly call: (environment: Variables, services: string) => Promise<Result>;
}

const DIRECTORIES: Readonly<Partial<Record<Client, string>>> = {
  boto3: 'boto3',
  'JavaScript v2': 'javascript-v2',
  'JavaScript v3': 'javascript-v3',
  'Go v1': 'go-v1',
  'Go v2': 'go-v2',
  CRT: 'crt',
  Rust: 'rust',
};
const JVM_DIRECTORIES = { 'Java v2': 'java-v2', Kotlin: 'kotlin' } as const;

export function realClients(): readonly RealClient[] {
  const processes = Object.entries(DIRECTORIES).map(([client, directory]) => byProcess(client as Client, directory));
  const residents = Object.entries(JVM_DIRECTORIES).map(([client, directory]) => resident(client as Client, directory));
  return [...processes, ...residents];
}

function inMatrix(directory: string): MatrixClient {
  const found = CLIENTS.find((client) => client.directory === directory);
  if (!found) throw new Error(`no client ${directory} in the matrix`);
  return found;
}

function isInstalled(client: MatrixClient): boolean {
  try {
    return client.version(placeOf(client)) !== '';
  } catch (error) {
    if (process.env['CI']) throw error;
    return false;
  }
}

/** One process for each call, configured only by its environment. */
function byProcess(client: Client, directory: string): RealClient {
  const program = inMatrix(directory);
  const call: RealClient['call'] = async (environment, services) => {
    const witness = await Witness.before(services);
    const variables = { ...environment, AWS_ENDPOINT_URL_STS: witness.url };
    const conversation = talkByLines(program.command(placeOf(program)), variables);
    const answer = await conversation.ask('call');
    await conversation.end();
    witness.close();
    return resultOf(answer, witness.seen);
  };
  return { client, isInstalled: isInstalled(program), call };
}

/** One process for all calls, one after the other. It keeps the first address of STS. */
function resident(client: Client, directory: string): RealClient {
  const program = inMatrix(directory);
  let parts: Promise<{ readonly witness: Witness; readonly talk: Talk }> | undefined;
  let asked: Promise<unknown> = Promise.resolve();
  const inTurn = async (environment: Variables, services: string): Promise<Result> => {
    parts ??= Witness.before(services).then((witness) => ({
      witness,
      talk: startResident(placeOf(program).installed),
    }));
    const { witness, talk } = await parts;
    const before = witness.seen.length;
    const answer = await talk({ ...environment, AWS_ENDPOINT_URL_STS: witness.url });
    return resultOf(answer, witness.seen.slice(before));
  };
  const call: RealClient['call'] = (environment, services) => {
    const result = asked.then(() => inTurn(environment, services));
    asked = result.catch(() => undefined);
    return result;
  };
  return { client, isInstalled: isInstalled(program), call };
}

type Talk = (environment: Variables) => Promise<Answer>;

function startResident(installed: string): Talk {
  const source = path.join(import.meta.dirname, 'jvm/Resident.java');
  const opens = ['java.base/java.lang=ALL-UNNAMED', 'java.base/java.util=ALL-UNNAMED'];
  const child: ChildProcessByStdio<Writable, Readable, null> = spawn(
    'java',
    [
      ...['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', ...opens.flatMap((module) => ['--add-opens', module])],
      ...['-cp', `${installed}:${installed}/lib/*`, source],
    ],
    { stdio: ['pipe', 'pipe', 'ignore'], env: { PATH: process.env['PATH'] ?? '' } },
  );
  // It ends when its standard input closes, at the latest with this process.
  child.unref();
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const closed = once(child, 'close');
  return async (environment) => {
    const pairs = Object.entries(environment).map(([name, value]) => `${name}=${value.replaceAll('\n', '\u0002')}`);
    child.stdin.write(`${pairs.join('\u0001')}\n`);
    const next = await Promise.race([answers.next(), closed.then(() => ({ done: true, value: '' }) as const)]);
    const [, kind, text = ''] = /^(ok|error) (.*)$/.exec(next.done ? '' : next.value) ?? [];
    return { kind: kind === 'ok' ? 'ok' : 'error', text: kind === undefined ? 'it ended' : text };
  };
}

function resultOf({ kind, text }: Answer, seen: readonly SignedRequest[]): Result {
  const refused = seen.filter(({ status }) => status !== 200);
  return {
    worked: kind === 'ok' && seen.length > 0 && refused.length === 0,
    usedOthers: refused.length > 0,
    said: text,
  };
}
