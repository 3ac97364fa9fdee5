// Log lines for systemd's journal (sd-daemon(3)): a line may start with its priority, and needs no
// time.

import { fstatSync } from 'node:fs';
import type { LogFields, LogLevel } from './logger.ts';
import type { Environment } from './process-environment.ts';

const PRIORITIES: Readonly<Record<LogLevel, string>> = { debug: '<7>', info: '<6>', warn: '<4>', error: '<3>' };

/**
 * Whether a descriptor is the journal. Checks the device, because processes inherit $JOURNAL_STREAM
 * even if their stream is another one (systemd.exec(5)).
 */
export function isJournal(descriptor: number, { JOURNAL_STREAM }: Environment): boolean {
  if (!JOURNAL_STREAM) return false;
  try {
    const { dev, ino } = fstatSync(descriptor, { bigint: true });
    return JOURNAL_STREAM === `${dev}:${ino}`;
  } catch {
    return false;
  }
}

/**
 * `<3>could not get a role session; retrying role=reader code=RA_UNREACHABLE error="no route"`:
 * readable, and logfmt for programs.
 */
export function journalLine(level: LogLevel, message: string, fields: LogFields): string {
  const words = Object.entries(fields).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${word(value)}`],
  );
  return `${PRIORITIES[level]}${[message, ...words].join(' ')}`;
}

/** Prefixes each line of a text, because each becomes a journal entry. */
export function journalText(level: LogLevel, text: string): string {
  return text.replaceAll(/^/gm, PRIORITIES[level]);
}

function word(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return /^[^\s"=\\\p{Cc}]+$/u.test(text) ? text : JSON.stringify(text);
}
