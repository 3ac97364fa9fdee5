import { createHash, createSecretKey } from 'node:crypto';
import { CodedError } from '../../src/foundation/errors.ts';
import type { Log, LogFields, LogLevel } from '../../src/foundation/logger.ts';
import { Secret } from '../../src/foundation/secret.ts';
import type { SigningIdentity } from '../../src/identity/signing-identity.ts';
import { ExchangeFailure, type Retry } from '../../src/rolesanywhere/exchange-failure.ts';
import type { RoleSession } from '../../src/rolesanywhere/role-session.ts';

export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;

/** A session granted at `now` for `life` milliseconds. */
export function grantedSession(now: number, life = HOUR, accessKeyId = 'ASIAEXAMPLE000000001'): RoleSession {
  return {
    accessKeyId,
    secretAccessKey: new Secret('marked-secret-access-key'),
    sessionToken: new Secret('marked-session-token'),
    expiration: now + life,
    receivedAt: now,
    assumedRoleArn: 'arn:aws:sts::123456789012:assumed-role/Device/1000',
    sourceIdentity: 'CN=device-0001',
    subjectArn: undefined,
    requestId: 'request-1',
  };
}

export function failure(retry: Retry, code = 'RA_UNAVAILABLE', retryAfterMs?: number): ExchangeFailure {
  return new ExchangeFailure(new CodedError(code, 'it failed', 'fix it'), { retry, retryAfterMs });
}

/** The keeper does not look into an identity. */
export const someIdentity: SigningIdentity = {
  certificate: Buffer.alloc(0),
  chain: [],
  algorithm: 'AWS4-X509-ECDSA-SHA256',
  serial: '1',
  subject: 'CN=device-0001',
  issuer: 'CN=Test CA',
  notBefore: 0,
  notAfter: Number.MAX_SAFE_INTEGER,
  fingerprint: createHash('sha256').digest('hex'),
  key: { kind: 'file', privateKey: createSecretKey(Buffer.alloc(1)) },
};

export interface LogLine {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields;
}

export function recordingLog(): { readonly log: Log; readonly lines: LogLine[] } {
  const lines: LogLine[] = [];
  return { log: (level, message, fields = {}) => void lines.push({ level, message, fields }), lines };
}
