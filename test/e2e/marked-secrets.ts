import type { KeyObject } from 'node:crypto';

/** Shorter pieces occur by chance. */
const SHORTEST = 12;

/** Planted secrets, to search for in every spelling that a program could use. */
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

  /** The whole encoding, each line of its PEM, and the decisive part of the key. */
  addKey(what: string, key: KeyObject): void {
    this.add(what, key.export({ format: 'der', type: 'pkcs8' }));
    const pem = key.export({ format: 'pem', type: 'pkcs8' }).toString();
    for (const line of pem.split('\n').filter((each) => each !== '' && !each.startsWith('-----'))) this.add(what, line);
    this.add(what, Buffer.from(key.export({ format: 'jwk' }).d ?? '', 'base64url'));
  }

  /** Names of the secrets in a text or file. */
  foundIn(content: string | Buffer): string[] {
    const text = (typeof content === 'string' ? content : content.toString('latin1')).toLowerCase();
    return [...new Set([...this.#spellings].filter(([spelling]) => text.includes(spelling)).map(([, what]) => what))];
  }
}

/** Base64 of bytes at any offset: the part that does not depend on the surrounding bytes. */
function alignedBase64(bytes: Buffer, offset: number): string {
  const whole = bytes.subarray(offset, bytes.length - ((bytes.length - offset) % 3));
  return whole.toString('base64');
}
