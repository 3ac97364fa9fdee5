/** The certificate that is renewed, its key, and the request for the next one. */
import { createPublicKey } from 'node:crypto';
import type { IdentityConfig } from '../config/config.ts';
import { readFileContent } from '../files/read-file.ts';
import type { Environment } from '../foundation/process-environment.ts';
import { extensionOids } from '../identity/certificate-extensions.ts';
import { certificateFields } from '../identity/certificate-fields.ts';
import { certificateRequest, requestPem } from '../identity/certificate-request.ts';
import { readIdentityContent } from '../identity/identity-content.ts';
import { identityError } from '../identity/identity-errors.ts';
import { type RequestedKey, requestedKey } from '../identity/requested-key.ts';
import type { SigningIdentity } from '../identity/signing-identity.ts';
import type { OutsideKeys } from '../keys/outside-keys.ts';

export interface RenewedPair {
  readonly key: RequestedKey;
  /** DER of the certificate, which may have expired. */
  readonly certificate: Buffer;
}

export function pairInUse({ certificate, key, algorithm }: SigningIdentity): RenewedPair {
  const publicKey = 'privateKey' in key ? createPublicKey(key.privateKey) : key.publicKey;
  return { certificate, key: { key, algorithm, publicKey } };
}

/**
 * After a start with an expired certificate, no pair is in use.
 *
 * @throws CodedError
 */
export async function pairOnDisk(
  config: IdentityConfig & { readonly certificate: string },
  context: { readonly now: number; readonly environment: Environment },
  keys: OutsideKeys,
): Promise<RenewedPair> {
  const named = typeof config.privateKey === 'object' ? config.certificate : undefined;
  const key = await requestedKey(config, context, { keys, named });
  const { certificates } = await readIdentityContent(await readFileContent(config.certificate), undefined);
  const spki = key.publicKey.export({ format: 'der', type: 'spki' });
  const certificate = certificates.find((each) => certificateFields(each).publicKeyInfo.equals(spki));
  if (certificate) return { key, certificate };
  throw identityError('KEY_CERTIFICATE_MISMATCH', `${config.certificate} holds no certificate of the private key`);
}

/**
 * PEM of a request with the subject and the alternative names of the certificate.
 *
 * @throws CodedError of the key.
 */
export async function renewalRequest(
  { key, certificate }: RenewedPair,
  { sign }: Pick<OutsideKeys, 'sign'>,
  signal: AbortSignal,
): Promise<string> {
  const { subject, extensions } = certificateFields(certificate);
  const names = extensions.find(({ oid }) => oid === extensionOids.subjectAlternativeName);
  const { publicKey, algorithm } = key;
  const content = { subject, alternativeNames: names?.value ?? [], publicKey, algorithm };
  return requestPem(await certificateRequest(content, (message) => sign(key, message, signal)));
}
