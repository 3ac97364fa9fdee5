// Objects that a TPM creates: keys that never leave it, and data that only it can decrypt. Both are
// below the storage root key, in key files.
import { handles } from './constants.ts';
import { readTss2Key, tss2Key } from './key-file.ts';
import { atWork, objectOfFile, parentOf, type TpmPasswords } from './key-use.ts';
import { type NewKeyType, sealedDataTemplate, signingKeyTemplate } from './public-area.ts';
import { create, type EncryptedObject, type SensitiveContent, type Tpm, unseal } from './tpm.ts';
import { decoded, during } from './tpm-failure.ts';

const nothing = Buffer.alloc(0);

/**
 * @param passwords - of the new key, and of the owner.
 * @returns a key file (DER).
 * @throws KeyFailure
 */
export async function newKey(
  tpm: Tpm,
  type: NewKeyType,
  passwords: Pick<TpmPasswords, 'key' | 'owner'>,
): Promise<Buffer> {
  const isGuarded = passwords.key.length > 0;
  const content = { password: passwords.key, data: nothing };
  const made = await created(tpm, signingKeyTemplate(type, isGuarded), content, passwords.owner);
  return tss2Key('loadable', made, !isGuarded);
}

/** @returns a key file (DER) that contains data in place of a key. @throws KeyFailure */
export async function sealedData(tpm: Tpm, data: Buffer, ownerPassword: Buffer): Promise<Buffer> {
  return tss2Key('sealed', await created(tpm, sealedDataTemplate, { password: nothing, data }, ownerPassword), true);
}

/** Neither the password nor the data are sent to the TPM unencrypted. */
async function created(tpm: Tpm, template: Buffer, content: SensitiveContent, owner: Buffer): Promise<EncryptedObject> {
  const place = { parent: handles.owner, rootKeyType: 'ecc' } as const;
  return atWork(tpm, async (at) => {
    const { entity, authorization } = await parentOf(at, place, { parent: nothing, owner }, { command: true });
    return during('create', () => create(tpm, entity, template, content, authorization));
  });
}

/** The data in such a file, sent encrypted by the TPM. @throws KeyFailure */
export async function unsealedData(tpm: Tpm, encoded: Buffer, ownerPassword: Buffer): Promise<Buffer> {
  const file = decoded(() => readTss2Key(encoded));
  const passwords = { key: nothing, parent: nothing, owner: ownerPassword };
  return atWork(tpm, async (at) => {
    const { entity, authorization } = await objectOfFile(at, file, passwords, { answer: true });
    return during('use', () => unseal(tpm, entity, authorization));
  });
}
