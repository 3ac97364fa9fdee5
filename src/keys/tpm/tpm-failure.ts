// Classifies an answer of the TPM by the current step, with a remedy.
import { messageOf } from '../../foundation/errors.ts';
import { type KeyErrorCode, KeyFailure } from '../key-errors.ts';
import { responseCodes as rc, TpmResponseError } from './response-code.ts';

/** The current step: the same answer has different meanings in different steps. */
export type Step = 'session' | 'root key' | 'parent' | 'load' | 'key' | 'policy' | 'use' | 'create';

/**
 * @param password - of the authorization; an empty one means none.
 * @throws KeyFailure for every error of `work`.
 */
export async function during<Value>(step: Step, work: () => Promise<Value>, password?: Buffer): Promise<Value> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof KeyFailure) throw error;
    if (error instanceof TpmResponseError) throw refusal(error, step, password);
    // From the wire library, and from Node for points that are not on their curve.
    throw new KeyFailure('TPM_ANSWER_MALFORMED', `the answer of the TPM makes no sense: ${messageOf(error)}`, {
      retry: 'soon',
      cause: error,
    });
  }
}

/** The content of a key file. @throws KeyFailure TPM_KEY_MALFORMED */
export function decoded<Value>(decode: () => Value): Value {
  try {
    return decode();
  } catch (error) {
    const what = `the key file cannot be decoded: ${messageOf(error)}`;
    throw new KeyFailure('TPM_KEY_MALFORMED', what, { retry: 'slow', cause: error });
  }
}

const BUSY: ReadonlySet<number> = new Set([
  rc.OBJECT_MEMORY,
  rc.SESSION_MEMORY,
  rc.OBJECT_HANDLES,
  rc.YIELDED,
  rc.TESTING,
  rc.NV_RATE,
  rc.NV_UNAVAILABLE,
  rc.RETRY,
]);

/** At any step. */
const ANYWHERE: Readonly<Record<number, KeyErrorCode>> = {
  [rc.LOCKOUT]: 'TPM_LOCKED_OUT',
  [rc.AUTH_FAIL]: 'TPM_PASSWORD_WRONG',
  [rc.BAD_AUTH]: 'TPM_PASSWORD_WRONG',
  [rc.POLICY_FAIL]: 'TPM_POLICY_UNMET',
  [rc.POLICY_CC]: 'TPM_POLICY_UNMET',
  [rc.PCR_CHANGED]: 'TPM_POLICY_UNMET',
  [rc.AUTH_UNAVAILABLE]: 'TPM_POLICY_UNSUPPORTED',
};

const AT_STEP: Partial<Readonly<Record<Step, Readonly<Record<number, KeyErrorCode>>>>> = {
  parent: { [rc.HANDLE]: 'TPM_HANDLE_EMPTY' },
  key: { [rc.HANDLE]: 'TPM_HANDLE_EMPTY' },
  load: { [rc.INTEGRITY]: 'TPM_KEY_OF_ANOTHER_TPM', [rc.BINDING]: 'TPM_KEY_MALFORMED', [rc.SIZE]: 'TPM_KEY_MALFORMED' },
  policy: { [rc.VALUE]: 'TPM_POLICY_UNMET' },
  use: {
    [rc.KEY]: 'TPM_KEY_CANNOT_SIGN',
    [rc.SCHEME]: 'TPM_KEY_CANNOT_SIGN',
    [rc.ATTRIBUTES]: 'TPM_KEY_CANNOT_SIGN',
  },
};

/** The owner of the password. */
const PASSWORD_OF: Partial<Readonly<Record<Step, string>>> = {
  'root key': 'identity.tpm.ownerPassword',
  load: 'identity.tpm.parentPassword',
  create: 'identity.tpm.parentPassword',
};

function refusal(error: TpmResponseError, step: Step, password: Buffer | undefined): KeyFailure {
  const { plainCode, message } = error;
  if (BUSY.has(plainCode)) return new KeyFailure('TPM_BUSY', message, { retry: 'soon' });
  const code = AT_STEP[step]?.[plainCode] ?? ANYWHERE[plainCode] ?? 'TPM_REFUSED';
  if (code !== 'TPM_PASSWORD_WRONG') return new KeyFailure(code, message, { retry: 'slow' });
  const which = PASSWORD_OF[step] ?? 'identity.passphrase';
  return password?.length === 0
    ? new KeyFailure('TPM_PASSWORD_MISSING', `${which} is not set, and ${message}`, { retry: 'slow' })
    : new KeyFailure(code, `${which}: ${message}`, { retry: 'slow' });
}
