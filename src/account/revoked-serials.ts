// The part of a certificate revocation list that says which certificates it names (RFC 5280 5.1).
import { derElements, readDer, tags } from '../foundation/der.ts';

/** The PEM or DER of ImportCrl. */
export function revokedSerials(data: Buffer): ReadonlySet<string> {
  const encoded = /-----BEGIN (?:X509 )?CRL-----([\s\S]*?)-----END/.exec(data.toString('latin1'))?.[1];
  const list = encoded === undefined ? data : Buffer.from(encoded, 'base64');
  const [signed] = derElements(readDer(list).content);
  if (!signed) throw new RangeError('an empty revocation list');
  return new Set([...revokedEntries(signed.content)].map(serialOf));
}

/** Version and times are optional, so the list is the first sequence after thisUpdate. */
function revokedEntries(signed: Buffer): Buffer[] {
  const elements = [...derElements(signed)];
  const thisUpdate = elements.findIndex(({ tag }) => TIMES.includes(tag));
  const list = elements.slice(thisUpdate + 1).find(({ tag }) => tag === tags.sequence);
  return thisUpdate === -1 || !list ? [] : [...derElements(list.content)].map(({ content }) => content);
}

/** UTCTime and GeneralizedTime. */
const TIMES: readonly number[] = [0x17, 0x18];

/** Decimal, as `Certificate.serial`. */
function serialOf(entry: Buffer): string {
  const { content } = readDer(entry);
  return BigInt.asIntN(content.length * 8, BigInt(`0x${content.toString('hex')}`)).toString();
}
