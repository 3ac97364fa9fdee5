// The functions of PKCS#11 (OASIS, version 2.40) that find a key and sign with it, with the
// standard's names and numbers.
import { messageOf } from '../../foundation/errors.ts';
import { loadKoffi } from '../../platform/libc.ts';
import { KeyFailure } from '../key-errors.ts';

/** A handle or a number of the size of a C long. */
export type Ulong = number | bigint;

/** The module's answer instead of CKR_OK. */
export class CryptokiError extends Error {
  readonly rv: number;

  constructor(call: string, rv: number) {
    super(`${call} answered 0x${rv.toString(16)}`);
    this.rv = rv;
  }
}

export const CKR = {
  ARGUMENTS_BAD: 0x07,
  CANT_LOCK: 0x0a,
  ATTRIBUTE_SENSITIVE: 0x11,
  ATTRIBUTE_TYPE_INVALID: 0x12,
  DEVICE_ERROR: 0x30,
  DEVICE_MEMORY: 0x31,
  DEVICE_REMOVED: 0x32,
  KEY_FUNCTION_NOT_PERMITTED: 0x68,
  MECHANISM_INVALID: 0x70,
  OBJECT_HANDLE_INVALID: 0x82,
  PIN_INCORRECT: 0xa0,
  PIN_INVALID: 0xa1,
  PIN_LEN_RANGE: 0xa2,
  PIN_EXPIRED: 0xa3,
  PIN_LOCKED: 0xa4,
  SESSION_HANDLE_INVALID: 0xb3,
  TOKEN_NOT_PRESENT: 0xe0,
  TOKEN_NOT_RECOGNIZED: 0xe1,
  USER_ALREADY_LOGGED_IN: 0x100,
  USER_PIN_NOT_INITIALIZED: 0x102,
  BUFFER_TOO_SMALL: 0x150,
  CRYPTOKI_ALREADY_INITIALIZED: 0x191,
} as const;

export const CKF = {
  LOGIN_REQUIRED: 0x4,
  PROTECTED_AUTHENTICATION_PATH: 0x100,
  USER_PIN_FINAL_TRY: 0x2_0000,
  USER_PIN_LOCKED: 0x4_0000,
} as const;

export const CKU = { USER: 1, CONTEXT_SPECIFIC: 2 } as const;
export const CKO = { CERTIFICATE: 1, PUBLIC_KEY: 2, PRIVATE_KEY: 3 } as const;
export const CKA = {
  CLASS: 0x0,
  LABEL: 0x3,
  VALUE: 0x11,
  KEY_TYPE: 0x100,
  ID: 0x102,
  MODULUS: 0x120,
  PUBLIC_EXPONENT: 0x122,
  PUBLIC_KEY_INFO: 0x129,
  EC_PARAMS: 0x180,
  EC_POINT: 0x181,
  ALWAYS_AUTHENTICATE: 0x202,
} as const;
export const CKM = { RSA_PKCS: 0x1, SHA256_RSA_PKCS: 0x40, ECDSA: 0x1041, ECDSA_SHA256: 0x1044 } as const;

/** Index in CK_FUNCTION_LIST, and parameters. */
const FUNCTIONS = {
  C_Initialize: [0, 'const uint8_t *args'],
  C_GetSlotList: [4, 'uint8_t present, _Out_ CK_ULONG *slots, _Inout_ CK_ULONG *count'],
  C_GetSlotInfo: [5, 'CK_ULONG slot, _Out_ uint8_t *info'],
  C_GetTokenInfo: [6, 'CK_ULONG slot, _Out_ uint8_t *info'],
  C_OpenSession: [12, 'CK_ULONG slot, CK_ULONG flags, void *context, void *notify, _Out_ CK_ULONG *session'],
  C_Login: [18, 'CK_ULONG session, CK_ULONG user, const uint8_t *pin, CK_ULONG length'],
  C_GetAttributeValue: [24, 'CK_ULONG session, CK_ULONG object, _Inout_ CK_ATTRIBUTE *wanted, CK_ULONG count'],
  C_FindObjectsInit: [26, 'CK_ULONG session, _Inout_ CK_ATTRIBUTE *wanted, CK_ULONG count'],
  C_FindObjects: [27, 'CK_ULONG session, _Out_ CK_ULONG *objects, CK_ULONG most, _Out_ CK_ULONG *count'],
  C_FindObjectsFinal: [28, 'CK_ULONG session'],
  C_SignInit: [42, 'CK_ULONG session, const uint8_t *mechanism, CK_ULONG key'],
  C_Sign: [
    43,
    'CK_ULONG session, const uint8_t *data, CK_ULONG length, _Out_ uint8_t *signature, _Inout_ CK_ULONG *size',
  ],
} as const;

type FunctionName = keyof typeof FUNCTIONS;

/**
 * A module, with its functions by name. Each throws a {@link CryptokiError} unless it returns
 * CKR_OK.
 */
export interface Cryptoki {
  readonly call: (name: FunctionName, ...parameters: unknown[]) => void;
  /** Bytes of a CK_ULONG. */
  readonly ulongSize: number;
}

/** @throws KeyFailure PKCS11_MODULE_UNUSABLE, CryptokiError */
export async function loadModule(path: string): Promise<Cryptoki> {
  const { functions, ulongSize } = await functionsOf(path);
  const call: Cryptoki['call'] = (name, ...parameters) => {
    const rv = Number(functions[name](...parameters));
    if (rv !== 0) throw new CryptokiError(name, rv);
  };
  initialize(call, ulongSize);
  return { call, ulongSize };
}

type ModuleFunction = (...parameters: unknown[]) => Ulong;

interface LoadedFunctions {
  readonly functions: Readonly<Record<FunctionName, ModuleFunction>>;
  readonly ulongSize: number;
}

async function functionsOf(path: string): Promise<LoadedFunctions> {
  const unusable = (what: string, cause?: unknown): KeyFailure =>
    new KeyFailure('PKCS11_MODULE_UNUSABLE', `${path}: ${what}`, { retry: 'slow', cause });
  const koffi = await loadKoffi();
  if (!koffi) throw unusable('the package koffi, which loads modules, is not installed');
  try {
    koffi.alias('CK_ULONG', 'unsigned long');
    koffi.struct('CK_ATTRIBUTE', { type: 'CK_ULONG', value: 'void *', length: 'CK_ULONG' });
    const list = koffi.struct({ version: 'uint16_t', functions: koffi.array('void *', 44, 'Array') });
    const found: [unknown] = [null];
    koffi.load(path).func('CK_ULONG C_GetFunctionList(_Out_ void **list)')(found);
    const { functions } = koffi.decode(found[0], list) as { functions: unknown[] };
    const named = Object.entries(FUNCTIONS).map(([name, [place, parameters]]) => {
      const prototype = koffi.proto(`CK_ULONG ${name}(${parameters})`);
      return [name, koffi.decode(functions[place], prototype) as ModuleFunction] as const;
    });
    return {
      functions: Object.fromEntries(named) as Record<FunctionName, ModuleFunction>,
      ulongSize: koffi.sizeof('CK_ULONG'),
    };
  } catch (error) {
    throw unusable(messageOf(error), error);
  }
}

/** CK_C_INITIALIZE_ARGS: four pointers, flags, and a pointer. Modules without locking accept none. */
function initialize(call: Cryptoki['call'], ulongSize: number): void {
  const locking = Buffer.alloc(4 * 8 + ulongSize + 8);
  locking[4 * 8] = 0x02; // CKF_OS_LOCKING_OK
  try {
    call('C_Initialize', locking);
  } catch (error) {
    if (!(error instanceof CryptokiError) || error.rv === CKR.CRYPTOKI_ALREADY_INITIALIZED) return;
    if (error.rv !== CKR.CANT_LOCK && error.rv !== CKR.ARGUMENTS_BAD) throw error;
    call('C_Initialize', null);
  }
}

export interface SlotWithToken {
  readonly slot: Ulong;
  readonly slotDescription: string;
  readonly slotManufacturer: string;
  readonly label: string;
  readonly manufacturer: string;
  readonly model: string;
  readonly serial: string;
  readonly flags: number;
}

export function tokensIn({ call, ulongSize }: Cryptoki): SlotWithToken[] {
  const count: [Ulong] = [0];
  call('C_GetSlotList', 1, null, count);
  if (Number(count[0]) === 0) return [];
  const slots = new Array<Ulong>(Number(count[0])).fill(0);
  call('C_GetSlotList', 1, slots, count);
  return slots.slice(0, Number(count[0])).flatMap((slot) => {
    try {
      return [tokenIn(slot, { call, ulongSize })];
    } catch (error) {
      // Just unplugged, or unknown to the module.
      if (error instanceof CryptokiError) return [];
      throw error;
    }
  });
}

/** CK_SLOT_INFO and CK_TOKEN_INFO: texts of a fixed length, padded with blanks. */
function tokenIn(slot: Ulong, { call, ulongSize }: Cryptoki): SlotWithToken {
  const about = Buffer.alloc(256);
  call('C_GetSlotInfo', slot, about);
  const token = Buffer.alloc(512);
  call('C_GetTokenInfo', slot, token);
  return {
    slot,
    slotDescription: padded(about, 0, 64),
    slotManufacturer: padded(about, 64, 96),
    label: padded(token, 0, 32),
    manufacturer: padded(token, 32, 64),
    model: padded(token, 64, 80),
    serial: padded(token, 80, 96),
    flags: Number(ulongIn(token.subarray(96, 96 + ulongSize))),
  };
}

function padded(bytes: Buffer, start: number, end: number): string {
  return bytes.toString('utf8', start, end).replace(/[ \0]+$/, '');
}

function ulongIn(bytes: Buffer): bigint {
  return bytes.length === 8 ? bytes.readBigUInt64LE() : BigInt(bytes.readUInt32LE());
}

function ulong(value: number, size: number): Buffer {
  const bytes = Buffer.alloc(size);
  bytes.writeUInt32LE(value);
  return bytes;
}

/** A property of the wanted object: bytes, or a number of the size of a long. */
export type Template = readonly (readonly [type: number, value: Buffer | number])[];

/** A read-only session with a token. */
export class Session {
  readonly #module: Cryptoki;
  readonly #session: Ulong;

  constructor(module: Cryptoki, slot: Ulong) {
    const opened: [Ulong] = [0];
    const CKF_SERIAL_SESSION = 4;
    module.call('C_OpenSession', slot, CKF_SERIAL_SESSION, null, null, opened);
    this.#module = module;
    this.#session = opened[0];
  }

  login(user: number, pin: Buffer): void {
    try {
      this.#module.call('C_Login', this.#session, user, pin, pin.length);
    } catch (error) {
      if (!(error instanceof CryptokiError) || error.rv !== CKR.USER_ALREADY_LOGGED_IN) throw error;
    }
  }

  find(template: Template): Ulong[] {
    const { call, ulongSize } = this.#module;
    const wanted = template.map(([type, given]) => {
      const value = typeof given === 'number' ? ulong(given, ulongSize) : given;
      return { type, value, length: value.length };
    });
    call('C_FindObjectsInit', this.#session, wanted, wanted.length);
    const found: Ulong[] = [];
    for (let more = true; more;) {
      const batch = new Array<Ulong>(64).fill(0);
      const count: [Ulong] = [0];
      call('C_FindObjects', this.#session, batch, batch.length, count);
      found.push(...batch.slice(0, Number(count[0])));
      more = Number(count[0]) === batch.length;
    }
    call('C_FindObjectsFinal', this.#session);
    return found;
  }

  /** Undefined if the object lacks or hides it, or if it is empty. */
  attribute(object: Ulong, type: number): Buffer | undefined {
    const asked = [{ type, value: null as Buffer | null, length: 0 as Ulong }];
    try {
      this.#module.call('C_GetAttributeValue', this.#session, object, asked, 1);
      const length = Number(asked[0]?.length ?? 0);
      if (length === 0 || length > MOST_BYTES) return undefined;
      const value = Buffer.alloc(length);
      this.#module.call('C_GetAttributeValue', this.#session, object, [{ type, value, length }], 1);
      return value;
    } catch (error) {
      if (error instanceof CryptokiError && NOT_THERE.has(error.rv)) return undefined;
      throw error;
    }
  }

  /** @param confirm - after the initialisation, for keys that need the PIN for each signature. */
  sign(key: Ulong, mechanism: number, data: Buffer, confirm: () => void): Buffer {
    const { call, ulongSize } = this.#module;
    // CK_MECHANISM without a parameter.
    const described = Buffer.alloc(ulongSize + 8 + ulongSize);
    described.writeUInt32LE(mechanism);
    call('C_SignInit', this.#session, described, key);
    confirm();
    const signature = Buffer.alloc(MOST_SIGNATURE);
    const size: [Ulong] = [signature.length];
    call('C_Sign', this.#session, data, data.length, signature, size);
    return signature.subarray(0, Number(size[0]));
  }
}

/** A certificate with ML-DSA keys takes 10 kB. The length of an absent attribute is all ones. */
const MOST_BYTES = 1024 * 1024;
/** RSA with 4096 bits takes 512. */
const MOST_SIGNATURE = 2_048;

const NOT_THERE: ReadonlySet<number> = new Set([CKR.ATTRIBUTE_SENSITIVE, CKR.ATTRIBUTE_TYPE_INVALID]);
