// What systemd's journal takes from standard error (sd-daemon(3)): a line may begin with its priority. It has a time of its own.

import { fstatSync } from 'node:fs';
import type { LogFields, LogLevel } from './logger.ts';
import type { Environment } from './process-environment.ts';

const PRIORITIES: Readonly<Record<LogLevel, string>> = { debug: '<7>', info: '<6>', warn: '<4>', error: '<3>' };

/** Whether a descriptor leads to the journal: $JOURNAL_STREAM is inherited further than the stream that it names (systemd.exec(5)). */
export function isJournal(descriptor: number, { JOURNAL_STREAM }: Environment): boolean {
  if (!JOURNAL_STREAM) return false;
  try {
    const { dev, ino } = fstatSync(descriptor, { bigint: true });
    return JOURNAL_STREAM === `${dev}:${ino}`;
  } catch {
    return false;
  }
}

/** `<3>could not get a role session; retrying role=reader code=RA_UNREACHABLE error="no route"`: for people, and as logfmt for programs. */
export function journalLine(level: LogLevel, message: string, fields: LogFields): string {
  const words = Object.entries(fields).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${word(value)}`],
  );
  return `${PRIORITIES[level]}${[message, ...words].join(' ')}`;
}

/** Every line of a text on its own: to the journal each is an entry. */
export function journalText(level: LogLevel, text: string): string {
  return text.replaceAll(/^/gm, PRIORITIES[level]);
}

function word(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return /^[^\s"=\\\p{Cc}]+$/u.test(text) ? text : JSON.stringify(text);
}
