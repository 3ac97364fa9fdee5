import { type DerElement, derElements, tags } from '../foundation/der.ts';
import { identityError } from './identity-errors.ts';

/** Deeper than any real key file. Deeper nesting hides something. */
const DEEPEST = 32;

/**
 * Rejects a key whose password takes too long to derive: derivation blocks its thread, and a file
 * can ask for 2^31 rounds.
 *
 * @throws KEY_DERIVATION_TOO_COSTLY
 */
export function checkDerivationCost(der: Buffer, most: number, path: string): void {
  const rounds = derivationRounds(der);
  if (rounds <= most) return;
  throw identityError(
    'KEY_DERIVATION_TOO_COSTLY',
    `${path} is encrypted with ${rounds} rounds of key derivation; at most ${most} are accepted`,
  );
}

/**
 * The total rounds of key derivation in `der`.
 *
 * PBKDF2-params and PBES1's (RFC 8018 A.2, A.3), PKCS#12's and its MacData (RFC 7292 4, C) all have
 * the salt, an OCTET STRING, followed by the count. scrypt-params (RFC 7914 7) have three numbers
 * there, whose product is the work.
 */
export function derivationRounds(der: Buffer): number {
  return roundsWithin(elementsOf(der), 0);
}

function roundsWithin(elements: readonly DerElement[], depth: number): number {
  if (depth > DEEPEST) return Infinity;
  return elements.reduce((sum, element, index) => {
    const own = element.tag === tags.octetString ? roundsAfterSalt(elements.slice(index + 1, index + 4)) : 0;
    return sum + own + roundsWithin(nested(element), depth + 1);
  }, 0);
}

function roundsAfterSalt(following: readonly DerElement[]): number {
  const [first = 0, ...others] = numbersAtStart(following);
  return others.length === 2 ? others.reduce((product, number) => product * number, first) : first;
}

function numbersAtStart(elements: readonly DerElement[]): number[] {
  const end = elements.findIndex(({ tag }) => tag !== tags.integer);
  return elements
    .slice(0, end === -1 ? undefined : end)
    .map(({ content }) => Number(`0x${content.toString('hex') || '0'}`));
}

/**
 * The content: always of SEQUENCE and context tags, and of an OCTET STRING that contains DER, as in
 * PKCS#12.
 */
function nested({ tag, content }: DerElement): DerElement[] {
  if (tag === (tags.octetString | CONSTRUCTED)) {
    return elementsOf(Buffer.concat(elementsOf(content).map((chunk) => chunk.content)));
  }
  return (tag & CONSTRUCTED) !== 0 || tag === tags.octetString ? elementsOf(content) : [];
}

const CONSTRUCTED = 0x20;

/** As far as it is DER. */
function elementsOf(bytes: Buffer): DerElement[] {
  const elements: DerElement[] = [];
  try {
    for (const element of derElements(bytes)) elements.push(element);
  } catch {
    // The rest is not DER, so it has no parameters.
  }
  return elements;
}
