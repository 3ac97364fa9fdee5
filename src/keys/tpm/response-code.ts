// Error codes of a TPM (TPM 2.0 Library, part 2, 6.6), without the affected part of the command.

/** Without the prefix `TPM_RC_`. */
export const responseCodes = {
  SUCCESS: 0,
  ATTRIBUTES: 0x82,
  VALUE: 0x84,
  HIERARCHY: 0x85,
  HANDLE: 0x8b,
  AUTH_FAIL: 0x8e,
  SCHEME: 0x92,
  SIZE: 0x95,
  KEY: 0x9c,
  POLICY_FAIL: 0x9d,
  INTEGRITY: 0x9f,
  BAD_AUTH: 0xa2,
  POLICY_CC: 0xa4,
  BINDING: 0xa5,
  INITIALIZE: 0x100,
  FAILURE: 0x101,
  DISABLED: 0x120,
  PCR_CHANGED: 0x128,
  AUTH_UNAVAILABLE: 0x12f,
  COMMAND_CODE: 0x143,
  OBJECT_MEMORY: 0x902,
  SESSION_MEMORY: 0x903,
  OBJECT_HANDLES: 0x906,
  YIELDED: 0x908,
  TESTING: 0x90a,
  NV_RATE: 0x920,
  LOCKOUT: 0x921,
  RETRY: 0x922,
  NV_UNAVAILABLE: 0x923,
} as const;

const NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(responseCodes).map(([name, code]) => [code, `TPM_RC_${name}`]),
);

/**
 * Codes of "format one" (bit 7) also contain the number of the affected parameter, handle or
 * session: 0x98e is AUTH_FAIL (0x8e) of the first session.
 */
function plainResponseCode(code: number): number {
  return (code & 0x80) === 0 ? code : code & 0xbf;
}

/** `TPM_RC_AUTH_FAIL (0x98e)` */
function responseCodeText(code: number): string {
  const hex = `0x${code.toString(16)}`;
  const name = NAMES.get(plainResponseCode(code));
  return name === undefined ? hex : `${name} (${hex})`;
}

/** An error answer of a TPM. */
export class TpmResponseError extends Error {
  /** See {@link plainResponseCode}. */
  readonly plainCode: number;

  constructor(command: string, responseCode: number) {
    super(`the TPM answers ${command} with ${responseCodeText(responseCode)}`);
    this.plainCode = plainResponseCode(responseCode);
  }
}
