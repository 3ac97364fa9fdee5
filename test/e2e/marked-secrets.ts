import type { KeyObject } from 'node:crypto';

/** Shorter pieces turn up by chance. */
const SHORTEST = 12;

/** Secrets that were planted, to be found again wherever they should not be, in each spelling a program could give them. */
export class MarkedSecrets {
  readonly #spellings = new Map<string, string>();

  add(what: string, secret: string | Buffer): void {
    const bytes = Buffer.from(secret);
    const inBase64 = [0, 1, 2].map((offset) => alignedBase64(bytes, offset));
    const text = bytes.toString('latin1');
    for (const spelling of [text, encodeURIComponent(text), bytes.toString('hex'), ...inBase64])
      for (const each of [spelling, spelling.replaceAll('+', '-').replaceAll('/', '_')])
        if (each.length >= SHORTEST) this.#spellings.set(each.toLowerCase(), what);
  }

  /** The whole encoding, each line of its PEM, and what the key would be without. */
  addKey(what: string, key: KeyObject): void {
    this.add(what, key.export({ format: 'der', type: 'pkcs8' }));
    const pem = key.export({ format: 'pem', type: 'pkcs8' }).toString();
    for (const line of pem.split('\n').filter((each) => each !== '' && !each.startsWith('-----'))) this.add(what, line);
    this.add(what, Buffer.from(key.export({ format: 'jwk' }).d ?? '', 'base64url'));
  }

  /** What of them is in a text or file, by name. */
  foundIn(content: string | Buffer): string[] {
    const text = (typeof content === 'string' ? content : content.toString('latin1')).toLowerCase();
    return [...new Set([...this.#spellings].filter(([spelling]) => text.includes(spelling)).map(([, what]) => what))];
  }
}

/** Base64 of bytes that stand at any offset in something longer: what is the same whatever is around them. */
function alignedBase64(bytes: Buffer, offset: number): string {
  const whole = bytes.subarray(offset, bytes.length - ((bytes.length - offset) % 3));
  return whole.toString('base64');
}
