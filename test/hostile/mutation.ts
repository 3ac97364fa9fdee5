import fc from 'fast-check';

/** Positions are fractions of the length, so that one change fits every sample. */
type Change =
  | { readonly kind: 'set'; readonly at: number; readonly byte: number }
  | { readonly kind: 'insert'; readonly at: number; readonly bytes: Buffer }
  | { readonly kind: 'cut'; readonly from: number; readonly to: number }
  | { readonly kind: 'repeat'; readonly from: number; readonly to: number; readonly times: number }
  | { readonly kind: 'move'; readonly from: number; readonly to: number; readonly at: number };

/** Bytes of a damaged sample. Prints the result. */
export class Mutant {
  readonly bytes: Buffer;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  [fc.toStringMethod](): string {
    return `Buffer.from(${JSON.stringify(this.bytes.toString('latin1'))}, 'latin1')`;
  }
}

/** Longer samples find nothing new, only more slowly. */
const MOST_BYTES = 256 * 1024;

/**
 * Valid samples with one to four changes.
 *
 * @param words - meaningful words of the format, inserted at random.
 */
export function mutants(
  valid: readonly (string | Buffer)[],
  words: readonly (string | Buffer)[],
): fc.Arbitrary<Mutant> {
  const originals = valid.map((sample) => Buffer.from(sample as string, 'latin1'));
  return fc
    .tuple(fc.constantFrom(...originals), fc.array(change(words), { minLength: 1, maxLength: 4 }))
    .map(([original, changes]) => new Mutant(changes.reduce(changed, original)));
}

const place = fc.nat(10_000).map((share) => share / 10_000);
const stretch = { from: place, to: place };

function change(words: readonly (string | Buffer)[]): fc.Arbitrary<Change> {
  const word = fc.constantFrom(...words).map((text) => Buffer.from(text as string, 'latin1'));
  const noise = fc.uint8Array({ minLength: 1, maxLength: 8 }).map((bytes) => Buffer.from(bytes));
  return fc.oneof(
    fc.record({ kind: fc.constant('set'), at: place, byte: fc.nat(255) }),
    fc.record({ kind: fc.constant('insert'), at: place, bytes: fc.oneof(word, word, noise) }),
    fc.record({ kind: fc.constant('cut'), ...stretch }),
    fc.record({ kind: fc.constant('repeat'), ...stretch, times: fc.constantFrom(1, 2, 5, 50) }),
    fc.record({ kind: fc.constant('move'), ...stretch, at: place }),
  );
}

function changed(bytes: Buffer, change: Change): Buffer {
  const index = (share: number): number => Math.floor(share * bytes.length);
  const parts = (share: number): [Buffer, Buffer] => [bytes.subarray(0, index(share)), bytes.subarray(index(share))];
  switch (change.kind) {
    case 'set': {
      const copy = Buffer.from(bytes);
      copy[Math.min(index(change.at), copy.length - 1)] = change.byte;
      return copy;
    }
    case 'insert': {
      const [before, after] = parts(change.at);
      return joined([before, change.bytes, after]);
    }
    case 'cut':
      return joined(
        [bytes.subarray(0, index(change.from)), bytes.subarray(index(change.to))].filter(
          (_, at) => at === 0 || change.to >= change.from,
        ),
      );
    case 'repeat': {
      const piece = bytes.subarray(index(change.from), index(change.to));
      const [before, after] = parts(change.to);
      return joined([before, ...Array.from({ length: change.times }, () => piece), after]);
    }
    case 'move': {
      const [before, after] = parts(change.at);
      return joined([before, bytes.subarray(index(change.from), index(change.to)), after]);
    }
  }
}

function joined(parts: readonly Buffer[]): Buffer {
  return Buffer.concat(parts).subarray(0, MOST_BYTES);
}
