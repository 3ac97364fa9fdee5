import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';

export type Question = 'call' | 'region';

export interface Answer {
  /** `error`: the client reports the problem. `silence`: it crashed without a message, or hung. */
  readonly kind: 'ok' | 'error' | 'silence';
  readonly text: string;
}

export interface Conversation {
  readonly ask: (question: Question) => Promise<Answer>;
  readonly end: () => Promise<void>;
}

type Variables = Readonly<Record<string, string>>;

/** SDKs try for at most 15 s, and the machine may be busy. */
const PATIENCE_MS = 60_000;

/**
 * A client that runs as long as there are questions: one line for each question, and one for each
 * answer.
 */
export function talkByLines(command: readonly string[], env: Variables): Conversation {
  const child = begin(command, env);
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const complaint = collect(child.stderr);
  const closed = once(child, 'close');
  return {
    ask: async (question) => {
      child.stdin.write(`${question}\n`);
      const next = await within(answers.next());
      if (next === undefined) return { kind: 'silence', text: `no answer within ${PATIENCE_MS / 1000} s` };
      if (next.done) return { kind: 'silence', text: `it ended: ${lastLine(complaint())}` };
      return answerIn(next.value);
    },
    end: async () => {
      child.stdin.end();
      const end = await within(closed);
      if (end === undefined) child.kill('SIGKILL');
    },
  };
}

/** A client with a new process for each question. */
export function talkByProcess(command: readonly string[], env: Variables): Conversation {
  return {
    ask: async (question) => {
      const child = begin([...command, question], env);
      child.stdin.end();
      const [output, complaint] = [collect(child.stdout), collect(child.stderr)];
      const end = (await within(once(child, 'close'))) as [number | null] | undefined;
      if (end === undefined) child.kill('SIGKILL');
      if (end?.[0] === 0) return { kind: 'ok', text: output().trim() };
      const text = lastLine(complaint());
      return { kind: text === '' || end === undefined ? 'silence' : 'error', text };
    },
    end: () => Promise.resolve(),
  };
}

function begin(
  [program = '', ...args]: readonly string[],
  env: Variables,
): ChildProcessByStdio<Writable, Readable, Readable> {
  const child = spawn(program, args, { env, stdio: ['pipe', 'pipe', 'pipe'] });
  // A client that exited does not read its next question. Its silence is the answer.
  child.stdin.on('error', () => undefined);
  return child;
}

function answerIn(line: string): Answer {
  const [, kind, text = ''] = /^(ok|error) (.*)$/.exec(line) ?? [];
  return kind === undefined ? { kind: 'silence', text: line } : { kind: kind === 'ok' ? 'ok' : 'error', text };
}

function collect(stream: Readable): () => string {
  let text = '';
  stream.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  return () => text;
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? '';
}

async function within<T>(promise: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, PATIENCE_MS, undefined);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
