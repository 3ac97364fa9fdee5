import { randomBytes } from 'node:crypto';
import { type KeyErrorCode, KeyFailure } from '../key-errors.ts';
import type { KeyRequest, KeyResults, SealingRequest } from '../key-request.ts';
import { sourceText, type TpmSource } from '../key-source.ts';
import { sealedData, unsealedData } from './creation.ts';
import { DEFAULT_DEVICE, openDevice } from './device.ts';
import { passwordsIn } from './passwords.ts';
import type { Tpm } from './tpm.ts';
import { publicKeyAt, publicKeyInFile, signByTpm } from './tpm-key.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Answers one request with the TPM. @throws KeyFailure */
export async function askTpm(
  source: TpmSource,
  request: KeyRequest | SealingRequest,
  environment: Environment,
): Promise<KeyResults[keyof KeyResults]> {
  const device = source.device ?? environment['TPM_DEVICE'] ?? DEFAULT_DEVICE;
  const { exchange, close } = await openDevice(device);
  try {
    return await answered({ exchange, random: randomBytes }, source, request);
  } catch (error) {
    if (!(error instanceof KeyFailure)) throw error;
    const { code, message, retry, cause } = error;
    throw new KeyFailure(code as KeyErrorCode, `${sourceText(source)}: ${message}`, { retry, cause });
  } finally {
    close();
  }
}

function answered(
  tpm: Tpm,
  { key }: TpmSource,
  request: KeyRequest | SealingRequest,
): Promise<KeyResults[keyof KeyResults]> {
  const passwords = passwordsIn(request.secret);
  switch (request.operation) {
    case 'keys':
      return publicKeys(tpm, key);
    case 'sign':
      return signByTpm(tpm, key, passwords, request.message);
    case 'seal':
      return sealedData(tpm, Buffer.from(request.data), passwords.owner);
    case 'unseal':
      return unsealedData(tpm, 'file' in key ? Buffer.from(key.file) : Buffer.alloc(0), passwords.owner);
    case 'certificates':
      throw new Error('a TPM holds no certificates that are read');
  }
}

async function publicKeys(tpm: Tpm, key: TpmSource['key']): Promise<readonly Uint8Array[]> {
  const publicKey = 'handle' in key ? await publicKeyAt(tpm, key.handle) : publicKeyInFile(key.file);
  return [publicKey.export({ format: 'der', type: 'spki' })];
}
