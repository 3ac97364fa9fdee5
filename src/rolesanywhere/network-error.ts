/** Classifies network failures by the codes of Node and OpenSSL. */
import { CodedError, messageOf, systemCodeOf } from '../foundation/errors.ts';
import { rolesAnywhereError, type RolesAnywhereErrorCode } from './rolesanywhere-errors.ts';

/** How a request travels, for messages. */
export interface Route {
  readonly origin: string;
  /** From HTTPS_PROXY, without user name and password. NO_PROXY may still exclude the request. */
  readonly proxy: string | undefined;
}

const CODES: readonly (readonly [RegExp, RolesAnywhereErrorCode])[] = [
  [/^(ENOTFOUND|ENODATA|EAI_\w+)$/, 'RA_NAME_UNRESOLVED'],
  [/^ECONNREFUSED$/, 'RA_CONNECTION_REFUSED'],
  [/^(ENETUNREACH|EHOSTUNREACH|ENETDOWN|EHOSTDOWN|EADDRNOTAVAIL|EACCES|EPERM)$/, 'RA_UNREACHABLE'],
  [/^(ETIMEDOUT)$/, 'RA_CONNECT_TIMEOUT'],
  [/^(CERT_HAS_EXPIRED|CERT_NOT_YET_VALID)$/, 'RA_TLS_DATES'],
  [/^(ERR_TLS_CERT_ALTNAME_INVALID)$/, 'RA_TLS_WRONG_NAME'],
  [
    /^(SELF_SIGNED_CERT_IN_CHAIN|DEPTH_ZERO_SELF_SIGNED_CERT|UNABLE_TO_\w+|CERT_\w+|INVALID_CA|INVALID_PURPOSE)$/,
    'RA_TLS_UNTRUSTED',
  ],
  [/^(EPROTO|ERR_SSL_\w+|ERR_TLS_\w+)$/, 'RA_TLS_FAILED'],
  [/^HPE_(HEADER|CHUNK_EXTENSIONS)_OVERFLOW$/, 'RA_ANSWER_TOO_LARGE'],
  [/^HPE_\w+$/, 'RA_NOT_HTTP'],
  [/^(ECONNRESET|EPIPE)$/, 'RA_CONNECTION_LOST'],
];

/** Converts anything a transport threw to an error with a code. Keeps errors that already have one. */
export function networkError(thrown: unknown, { origin, proxy }: Route): CodedError {
  if (thrown instanceof CodedError) return thrown;
  const way = proxy === undefined ? '' : ` (HTTPS_PROXY is ${proxy})`;
  return rolesAnywhereError(codeOf(thrown), `no answer from ${origin}${way}: ${reasonOf(thrown)}`, thrown);
}

function codeOf(thrown: unknown): RolesAnywhereErrorCode {
  const codes = causesOf(thrown).map((error) => systemCodeOf(error) ?? (error instanceof Error ? error.name : ''));
  return CODES.find(([pattern]) => codes.some((code) => pattern.test(code)))?.[1] ?? 'RA_NETWORK_FAILED';
}

/** If several addresses failed, the AggregateError itself has an empty message. */
function reasonOf(thrown: unknown): string {
  return causesOf(thrown)
    .map((error) => messageOf(error))
    .filter((message) => message !== '')
    .join('; ');
}

const DEEPEST_CAUSE = 5;

/** The error, its causes and the members of an AggregateError. */
function causesOf(thrown: unknown, depth = 0): unknown[] {
  if (!(thrown instanceof Error) || depth > DEEPEST_CAUSE) return [thrown];
  const members: unknown[] = thrown instanceof AggregateError ? thrown.errors : [];
  const inside = [...members, ...(thrown.cause === undefined ? [] : [thrown.cause])];
  return [thrown, ...inside.flatMap((error) => causesOf(error, depth + 1))];
}
