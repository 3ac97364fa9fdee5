import { createSecretKey } from 'node:crypto';
import { expect } from 'vitest';
import { open, seal } from '../../src/state/sealing.ts';
import { sessionIn, sessionRecord } from '../../src/state/session-record.ts';
import { session } from '../state/support.ts';
import type { Fuzzed } from './fuzz.ts';
import { type Mutant, mutants } from './mutation.ts';

const NOW = Date.parse('2026-11-22T12:00:00Z');
const RECORD = sessionRecord(session(NOW));

/** A file of the state directory opens as it was sealed, or not at all. */
export function sealedFiles(): Fuzzed<Mutant> {
  const key = createSecretKey(Buffer.alloc(32, 7));
  const sealed = seal(RECORD, key, 'a role');
  return {
    runs: 500,
    samples: mutants([sealed], ['IMDS-ANY', '\x01', '\0', '\xff'.repeat(16)]),
    check: ({ bytes }) => {
      const opened = open(bytes, key, 'a role');
      expect(opened.ok).toBe(bytes.equals(sealed));
      if (opened.ok) expect(opened.content).toEqual(RECORD);
    },
  };
}

/** Data of another version yield one complete session, or none. */
export function sessionRecords(): Fuzzed<Mutant> {
  return {
    runs: 500,
    samples: mutants([RECORD], ['"', '{', '}', ',', ':', 'null', '""', '0', '1e999', '"__proto__":', '[]', '\\u0000']),
    check: ({ bytes }) => {
      const read = sessionIn(bytes);
      if (!read) return;
      const { accessKeyId, secretAccessKey, sessionToken, expiration, receivedAt } = read;
      for (const text of [accessKeyId, secretAccessKey.reveal(), sessionToken.reveal()]) expect(text).not.toBe('');
      for (const time of [expiration, receivedAt]) expect(Number.isSafeInteger(time)).toBe(true);
    },
  };
}
