import { describe, expect, it } from 'vitest';
import { oncePerSession } from '../../src/imds/documents.ts';
import { roleSession } from './door.ts';

describe('rendering', () => {
  it('happens once for a session', () => {
    let rendered = 0;
    const body = oncePerSession((session) => `${(rendered += 1)} ${session.accessKeyId}`);
    const [first, second] = [roleSession(1, Date), roleSession(2, Date)];
    expect([first, first, second, second].map((session) => body(session).toString())).toEqual([
      '1 ASIASESSION1',
      '1 ASIASESSION1',
      '2 ASIASESSION2',
      '2 ASIASESSION2',
    ]);
  });
});
