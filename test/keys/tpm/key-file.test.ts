import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KeyFailure } from '../../../src/keys/key-errors.ts';
import { readTss2Key, tss2Key } from '../../../src/keys/tpm/key-file.ts';
import { publicKeyInFile } from '../../../src/keys/tpm/tpm-key.ts';
import { keyFile } from './key-file-writer.ts';
import { recorded } from './recording.ts';

const files = recorded().flatMap(({ location }) => ('file' in location ? [Buffer.from(location.file, 'hex')] : []));
const halves = { publicArea: Buffer.from('0003aabbcc', 'hex'), privateArea: Buffer.from('0001dd', 'hex') };
const written = (fields: Parameters<typeof keyFile>[2]): Buffer =>
  keyFile(halves.publicArea, halves.privateArea, fields);

describe('a TSS2 key file', () => {
  it('has its fields, required and optional', () => {
    const policy = [{ command: 0x16b, parameters: Buffer.alloc(0) }];
    expect(readTss2Key(written({ policy, description: 'key', rsaParent: true, parent: 0x8100_0001 }))).toEqual({
      ...{ type: 'loadable', policy, parent: 0x8100_0001, rootKeyType: 'rsa' },
      ...halves,
    });
    expect(readTss2Key(written({ rsaParent: false, emptyAuth: 1 }))).toMatchObject({
      ...{ policy: [], parent: 0x4000_0001, rootKeyType: 'ecc' },
    });
  });

  it.each(['loadable', 'sealed'] as const)('is read as it is written: %s', (type) => {
    expect(readTss2Key(tss2Key(type, halves, true))).toMatchObject({ type, parent: 0x4000_0001, ...halves });
  });

  it('may have its parent as a negative number of four bytes', () => {
    const positive = written({ parent: 0x8100_0001 });
    const negative = Buffer.from(
      positive
        .toString('hex')
        .replace('02050081000001', '020481000001')
        .replace(/^30../, (head) => shorter(head)),
      'hex',
    );
    expect(readTss2Key(negative).parent).toBe(0x8100_0001);
  });

  it('that is damaged fails with a code, never with another error', () => {
    const damaged = fc
      .tuple(fc.constantFrom(...files), fc.nat(), fc.nat(255), fc.nat())
      .map(([file, at, byte, end]) => {
        const copy = Buffer.from(file);
        copy[at % copy.length] = byte;
        return end % 4 === 0 ? copy.subarray(0, end % copy.length) : copy;
      });
    fc.assert(
      fc.property(damaged, (file) => {
        try {
          expect(publicKeyInFile(file).type).toBe('public');
        } catch (error) {
          expect(error).toBeInstanceOf(KeyFailure);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

/** The head of the sequence, one byte less. */
function shorter(head: string): string {
  return `30${(parseInt(head.slice(2), 16) - 1).toString(16).padStart(2, '0')}`;
}
