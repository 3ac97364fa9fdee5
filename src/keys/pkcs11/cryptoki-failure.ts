import { type KeyErrorCode, KeyFailure } from '../key-errors.ts';
import { CKR, type CryptokiError } from './cryptoki.ts';

const PIN: Readonly<Record<number, KeyErrorCode>> = {
  [CKR.PIN_INCORRECT]: 'PKCS11_PIN_WRONG',
  [CKR.PIN_INVALID]: 'PKCS11_PIN_WRONG',
  [CKR.PIN_LEN_RANGE]: 'PKCS11_PIN_WRONG',
  [CKR.PIN_EXPIRED]: 'PKCS11_PIN_EXPIRED',
  [CKR.USER_PIN_NOT_INITIALIZED]: 'PKCS11_PIN_EXPIRED',
  [CKR.PIN_LOCKED]: 'PKCS11_PIN_LOCKED',
  [CKR.MECHANISM_INVALID]: 'PKCS11_KEY_CANNOT_SIGN',
  [CKR.KEY_FUNCTION_NOT_PERMITTED]: 'PKCS11_KEY_CANNOT_SIGN',
};

const GONE: ReadonlySet<number> = new Set([
  CKR.DEVICE_ERROR,
  CKR.DEVICE_REMOVED,
  CKR.OBJECT_HANDLE_INVALID,
  CKR.SESSION_HANDLE_INVALID,
  CKR.TOKEN_NOT_PRESENT,
  CKR.TOKEN_NOT_RECOGNIZED,
]);

/**
 * Classifies an answer of the module. An unknown one may be a collision with another program, so it
 * is retried soon.
 */
export function cryptokiFailure(error: CryptokiError, where: string): KeyFailure {
  const code = PIN[error.rv];
  const what = `${where}: ${error.message}`;
  if (code !== undefined) return new KeyFailure(code, what, { retry: 'slow' });
  return new KeyFailure(GONE.has(error.rv) ? 'PKCS11_TOKEN_GONE' : 'PKCS11_CALL_FAILED', what, { retry: 'soon' });
}
