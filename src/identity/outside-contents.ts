import { createPublicKey, type KeyObject } from 'node:crypto';
import type { FoundCertificates } from '../keys/key-request.ts';
import { type KeySource, sourceText } from '../keys/key-source.ts';
import type { IdentityContent } from './identity-content.ts';
import type { OutsideKeyContent } from './proven-identity.ts';

/** Data only, so that it can cross between threads. */
export interface OutsideContents {
  readonly key: OutsideKey | undefined;
  readonly certificates: FoundCertificates | undefined;
  /** Certificate, chain and key from a SPIFFE agent. */
  readonly svid?: SvidContent;
}

export interface SvidContent {
  readonly path: string;
  readonly certificates: readonly Uint8Array[];
  /** PKCS#8. */
  readonly key: Uint8Array;
}

interface OutsideKey {
  readonly source: KeySource;
  /** PIN or password. */
  readonly secret: KeyObject | undefined;
  /** SubjectPublicKeyInfo of the possible keys; undefined: the certificate identifies the key. */
  readonly publicKeys: readonly Uint8Array[] | undefined;
}

export function outsideKeyContent({ source, secret, publicKeys }: OutsideKey): OutsideKeyContent {
  return { path: sourceText(source), source, secret, publicKeys: publicKeys?.map(asPublicKey) };
}

/** Leaf and intermediates together. The chain is built from those that fit. */
export function certificateContent(outside: OutsideContents | undefined): IdentityContent {
  if (outside?.svid) return svidContent(outside.svid);
  const { certificates, intermediates } = outside?.certificates ?? { certificates: [], intermediates: [] };
  const all = [...certificates, ...intermediates].map((der) => Buffer.from(der));
  return { path: 'the token', certificates: all, keys: [], found: [], skipped: [] };
}

function svidContent({ path, certificates, key }: SvidContent): IdentityContent {
  return {
    path,
    certificates: certificates.map((der) => Buffer.from(der)),
    keys: [{ form: 'pkcs8', der: Buffer.from(key) }],
    found: [],
    skipped: [],
  };
}

function asPublicKey(spki: Uint8Array): KeyObject {
  return createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' });
}
