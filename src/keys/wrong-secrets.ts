import { createHash } from 'node:crypto';
import { type KeyErrorCode, KeyFailure } from './key-errors.ts';
import type { KeyRequest } from './key-request.ts';
import { deviceOf, lockOf } from './key-source.ts';

/** After these failures, a device has counted a wrong secret. A TPM counts a missing one too. */
const WRONG: ReadonlySet<string> = new Set<KeyErrorCode>([
  'PKCS11_PIN_WRONG',
  'TPM_PASSWORD_WRONG',
  'TPM_PASSWORD_MISSING',
]);

type Secretive = Pick<KeyRequest, 'source' | 'secret'>;

interface Refusal {
  readonly digest: string;
  readonly code: KeyErrorCode;
  readonly message: string;
}

/**
 * Devices count wrong PINs and lock themselves after a few. Each request has its own process, so
 * wrong secrets are remembered here, by their hash, and not tried again until there is another
 * secret.
 */
export class WrongSecrets {
  readonly #refusals = new Map<string, Refusal>();

  /** @throws KeyFailure that `ask` rejects with, or has rejected this secret with before. */
  async guarding<Result>(request: Secretive, ask: () => Promise<Result>): Promise<Result> {
    const { source, secret } = request;
    const lock = `${deviceOf(source)} ${lockOf(source)}`;
    const digest = createHash('sha256')
      .update(secret ?? '')
      .digest('hex');
    const refusal = this.#refusals.get(lock);
    if (refusal?.digest === digest) throw new KeyFailure(refusal.code, refusal.message, { retry: 'slow' });
    try {
      const result = await ask();
      this.#refusals.delete(lock);
      return result;
    } catch (error) {
      if (error instanceof KeyFailure && WRONG.has(error.code)) {
        const { code, message } = error;
        this.#refusals.set(lock, { digest, code: code as KeyErrorCode, message: `${message}; not tried again` });
      }
      throw error;
    }
  }
}
