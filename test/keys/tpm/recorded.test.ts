import { verify } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { publicKeyInFile, signByTpm } from '../../../src/keys/tpm/tpm-key.ts';
import { passwordsOf, type Recorded, recorded, replayed, seededRandom, SIGNED } from './recording.ts';

// What swtpm answered once (see `record`): every byte that is sent must be the same again, and its answer is understood.
describe('an exchange with swtpm', () => {
  const vectors = recorded();

  it('was recorded', () => {
    expect(vectors.length).toBeGreaterThan(20);
  });

  it.each(vectors)('is repeated: $title', async ({ title, location, given, exchanges, outcome }) => {
    const tpm = { exchange: replayed(exchanges), random: seededRandom(title) };
    const where = locationOf(location);
    const signing = signByTpm(tpm, where, passwordsOf(given), Buffer.from(SIGNED));
    if ('code' in outcome) return expect(signing).rejects.toMatchObject({ code: outcome.code });
    const signature = await signing;
    expect(signature.toString('hex')).toBe(outcome.signature);
    if ('file' in where)
      expect(verify('sha256', Buffer.from(SIGNED), publicKeyInFile(where.file), signature)).toBe(true);
  });
});

function locationOf(location: Recorded['location']): { file: Buffer } | { handle: number } {
  return 'file' in location ? { file: Buffer.from(location.file, 'hex') } : location;
}
