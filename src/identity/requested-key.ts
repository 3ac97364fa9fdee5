// The key for a certificate request. There is no certificate yet that identifies the key.
import { createPublicKey, type KeyObject, X509Certificate } from 'node:crypto';
import type { IdentityConfig } from '../config/config.ts';
import { readFileContent } from '../files/read-file.ts';
import { type KeySource, sourceText } from '../keys/key-source.ts';
import type { OutsideKeys } from '../keys/outside-keys.ts';
import type { SigningKey } from '../keys/signing-key.ts';
import { publicKeyInfo } from '../keys/ssh-agent.ts';
import { spiffeError } from '../spiffe/spiffe-errors.ts';
import { isSvid } from '../spiffe/spiffe-source.ts';
import { identityError } from './identity-errors.ts';
import { loadKeyAlone } from './key-alone.ts';
import type { LoadContext } from './load-identity.ts';
import { checkPrograms, secretOf } from './outside-identity.ts';
import { signingAlgorithm } from './signing-algorithm.ts';

export interface RequestedKey extends SigningKey {
  readonly publicKey: KeyObject;
}

/**
 * Finds a key in any place.
 *
 * @param named - path of a file with the public key or its certificate. Needed if the source has
 * several keys, or does not reveal them.
 * @throws CodedError
 */
export async function requestedKey(
  config: IdentityConfig,
  context: LoadContext,
  { keys, named }: { readonly keys: OutsideKeys; readonly named: string | undefined },
): Promise<RequestedKey> {
  const place = config.privateKey ?? config.certificate;
  const wanted = named === undefined ? undefined : await publicKeyIn(named, context);
  if (isSvid(place)) throw spiffeError('SPIFFE_OWN_KEYS', 'the SPIFFE agent makes a new key with each certificate');
  if (typeof place === 'object') return outsideKey(place, config, context, { keys, wanted });
  const key = await loadKeyAlone(place, config, context.environment, context.read);
  const publicKey = 'privateKey' in key ? createPublicKey(key.privateKey) : key.publicKey;
  if (wanted && !wanted.equals(publicKey)) throw unclear(`${place} holds another key`);
  return { algorithm: signingAlgorithm(publicKey, place), key, publicKey };
}

interface Wanted {
  readonly keys: OutsideKeys;
  readonly wanted: KeyObject | undefined;
}

async function outsideKey(
  source: KeySource,
  config: IdentityConfig,
  context: LoadContext,
  { keys, wanted }: Wanted,
): Promise<RequestedKey> {
  await checkPrograms(config);
  const secret = await secretOf(config, context);
  const place = sourceText(source);
  const held = await keys.publicKeys(source, secret, new AbortController().signal);
  const publicKey = chosen(held?.map(publicKeyFrom), wanted, place);
  return { algorithm: signingAlgorithm(publicKey, place), key: { ...source, secret, publicKey }, publicKey };
}

function chosen(held: readonly KeyObject[] | undefined, wanted: KeyObject | undefined, place: string): KeyObject {
  const fitting = wanted ? (held?.filter((one) => one.equals(wanted)) ?? [wanted]) : held;
  if (!fitting) throw unclear(`${place} does not say which key it has`);
  const [one] = fitting;
  if (!one) throw unclear(`none of the ${held?.length ?? 0} keys at ${place} is the one wanted`);
  if (fitting.some((other) => !other.equals(one))) throw unclear(`there are ${fitting.length} keys at ${place}`);
  return one;
}

function publicKeyFrom(spki: Uint8Array): KeyObject {
  return createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' });
}

/** PEM, OpenSSH's form, or a certificate. */
async function publicKeyIn(path: string, { read = readFileContent }: LoadContext): Promise<KeyObject> {
  const { content } = await read(path);
  const [, blob] = /^(?:ssh-rsa|ecdsa-sha2-nistp256) (\S+)/m.exec(content.toString('latin1')) ?? [];
  try {
    if (blob !== undefined) return publicKeyFrom(publicKeyInfo(Buffer.from(blob, 'base64')) ?? Buffer.alloc(0));
    return content.includes('-----BEGIN PUBLIC KEY-----')
      ? createPublicKey(content)
      : new X509Certificate(content).publicKey;
  } catch (error) {
    throw identityError('PUBLIC_KEY_UNREADABLE', `${path} holds no public key that can be read`, error);
  }
}

function unclear(what: string): Error {
  return identityError('PUBLIC_KEY_NEEDED', what);
}
