// `stateKey: tpm`: a random key that seals the stored sessions. Only the TPM that sealed it can
// open it.
import { randomBytes } from 'node:crypto';
import path from 'node:path';
import type { IdentityConfig } from '../config/config.ts';
import type { Environment } from '../foundation/process-environment.ts';
import { Secret } from '../foundation/secret.ts';
import { tpmSecret } from '../identity/tpm-key-content.ts';
import { KeyFailure } from '../keys/key-errors.ts';
import type { AskKeyProcess } from '../keys/key-request.ts';
import type { TpmSource } from '../keys/key-source.ts';
import { secretText } from '../keys/signer.ts';
import { type PrivateFiles, privateFiles } from '../state/private-files.ts';

interface TpmStateKeyParts {
  readonly ask: AskKeyProcess;
  readonly environment: Environment;
  readonly files?: PrivateFiles;
}

const FILE = 'state-key.tss';
const KEY_BYTES = 32;

/**
 * Reads the key, or creates one if this TPM cannot open an existing one. Once is enough, because
 * the sessions are in the memory of this process anyway.
 */
export function tpmStateKey(
  directory: string,
  config: Pick<IdentityConfig, 'tpm' | 'allowReadableKey'>,
  { ask, environment, files = privateFiles(directory) }: TpmStateKeyParts,
): () => Promise<Secret> {
  const { signal } = new AbortController();
  const sourceOf = (file: Uint8Array): TpmSource => {
    const { device } = config.tpm ?? {};
    return { kind: 'tpm', key: { file, path: path.join(directory, FILE) }, ...(device !== undefined && { device }) };
  };
  const read = async (): Promise<Secret> => {
    const secret = secretText(await tpmSecret(undefined, { config, environment, read: undefined }));
    const sealed = await files.read(FILE);
    const found =
      sealed && (await unlessForeign(ask({ operation: 'unseal', source: sourceOf(sealed), secret }, signal)));
    if (found) return secretFrom(found);
    const data = randomBytes(KEY_BYTES);
    const source = sourceOf(Buffer.alloc(0));
    await files.write(FILE, Buffer.from(await ask({ operation: 'seal', source, secret, data }, signal)));
    return secretFrom(data);
  };
  let reading: Promise<Secret> | undefined;
  return () => {
    reading ??= read().catch((error: unknown) => {
      reading = undefined;
      throw error;
    });
    return reading;
  };
}

function secretFrom(key: Uint8Array): Secret {
  return new Secret(Buffer.from(key).toString('base64'));
}

/**
 * After a change of the TPM, or with a damaged file, the sealed data are lost: a new key replaces
 * it.
 */
async function unlessForeign(unsealed: Promise<Uint8Array>): Promise<Uint8Array | undefined> {
  try {
    return await unsealed;
  } catch (error) {
    const isLost = error instanceof KeyFailure && /^TPM_KEY_(?:OF_ANOTHER_TPM|MALFORMED)$/.test(error.code);
    if (isLost) return undefined;
    throw error;
  }
}
