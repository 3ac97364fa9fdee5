// A key of a TPM, from its handle or a key file: its properties and its signatures.
import { createHash, type KeyObject } from 'node:crypto';
import { type KeyErrorCode, KeyFailure } from '../key-errors.ts';
import { publicAreaIn, readTss2Key, type Tss2Key } from './key-file.ts';
import { atWork, keyAtHandle, objectOfFile, type TpmPasswords } from './key-use.ts';
import { unsupportedStep } from './policy.ts';
import { type PublicArea, publicKeyOf, readPublicArea } from './public-area.ts';
import { signatureOf, unfitness } from './signature.ts';
import { readPublic, type Tpm } from './tpm.ts';
import { decoded, during } from './tpm-failure.ts';

/** The handle of a persistent key, or the content of a key file (DER). */
export type TpmKeyLocation = { readonly handle: number } | { readonly file: Uint8Array };

/** A key file whose key can sign, as far as the file shows. */
interface SigningKeyFile {
  readonly file: Tss2Key;
  readonly area: PublicArea;
}

/** The public key in a key file. Needs no TPM. @throws KeyFailure */
export function publicKeyInFile(encoded: Uint8Array): KeyObject {
  const { area } = signingKeyFile(encoded);
  return decoded(() => publicKeyOf(area));
}

/** @throws KeyFailure */
export async function publicKeyAt(tpm: Tpm, handle: number): Promise<KeyObject> {
  const { area } = await during('key', () => readPublic(tpm, handle));
  checkFitness(area);
  return during('key', () => Promise.resolve(publicKeyOf(area)));
}

/** RSA PKCS#1 v1.5, or ECDSA as DER, over SHA-256. @throws KeyFailure */
export async function signByTpm(
  tpm: Tpm,
  location: TpmKeyLocation,
  passwords: TpmPasswords,
  message: Uint8Array,
): Promise<Buffer> {
  const digest = createHash('sha256').update(message).digest();
  return atWork(tpm, async (at) => {
    if ('handle' in location) {
      const { entity: key, authorization } = await keyAtHandle(at, location.handle, passwords.key);
      checkFitness(key.area);
      return during('use', () => signatureOf(tpm, key, digest, authorization), passwords.key);
    }
    const { file, area } = signingKeyFile(location.file);
    const { entity, authorization } = await objectOfFile(at, file, passwords);
    return during('use', () => signatureOf(tpm, { ...entity, area }, digest, authorization), passwords.key);
  });
}

function signingKeyFile(encoded: Uint8Array): SigningKeyFile {
  const file = decoded(() => readTss2Key(Buffer.from(encoded)));
  if (file.type !== 'loadable')
    throw slow('TPM_KEY_NOT_LOADABLE', `the key file is of the type "${file.type}", not "loadable"`);
  const step = unsupportedStep(file.policy);
  if (step !== undefined) throw slow('TPM_POLICY_UNSUPPORTED', `the policy of the key file asks for ${step}`);
  const area = decoded(() => readPublicArea(publicAreaIn(file)));
  checkFitness(area);
  return { file, area };
}

function checkFitness(area: PublicArea): void {
  const why = unfitness(area);
  if (why !== undefined) throw slow('TPM_KEY_CANNOT_SIGN', `the key cannot sign for IAM Roles Anywhere: ${why}`);
}

function slow(code: KeyErrorCode, message: string, cause?: unknown): KeyFailure {
  return new KeyFailure(code, message, { retry: 'slow', cause });
}
