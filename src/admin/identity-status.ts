import { X509Certificate } from 'node:crypto';
import { DAY_MS, isoSeconds } from '../foundation/clock.ts';
import type { CodedError } from '../foundation/errors.ts';
import { certificateFields } from '../identity/certificate-fields.ts';
import { serialHex } from '../identity/serial-number.ts';
import type { SigningIdentity } from '../identity/signing-identity.ts';
import { sourceText } from '../keys/key-source.ts';
import type { LastSignatures } from '../keys/observed-signer.ts';
import type { KeyMaterial } from '../keys/signing-key.ts';
import type { RenewalState } from '../renewal/certificate-renewal.ts';
import type { IdentitySnapshot } from './snapshot.ts';

/** A failure in the terms of docs/errors.md. */
export interface FailureStatus {
  readonly code: string;
  readonly error: string;
  readonly remedy: string;
}

export function failureStatus({ code, message, remedy }: CodedError): FailureStatus {
  return { code, error: message, remedy };
}

export interface IdentityStatus {
  /** Null: there has been none so far. */
  readonly certificate: CertificateStatus | null;
  /** A newer certificate. The old one is used until this one was granted a session. */
  readonly candidate: CandidateStatus | null;
  /** Why the files on disk, or the SVID of the agent, are not used. */
  readonly fault: FailureStatus | null;
  readonly signature: SignatureStatus;
  /** Of the program that renews the certificate. Null: not configured. */
  readonly renewal: RenewalStatus | null;
}

interface RenewalStatus {
  readonly isRunning: boolean;
  /** When the program is run next. Null: no certificate is known that it could renew. */
  readonly next: string | null;
  /** Null: the last renewal succeeded, or none was due. */
  readonly failure: (FailureStatus & { readonly attempts: number; readonly since: string }) | null;
}

/** The last signature that succeeded, and the last that failed. Null: there has been none so far. */
interface SignatureStatus {
  readonly made: { readonly at: string; readonly milliseconds: number } | null;
  /** Later ones may have succeeded. */
  readonly failed: (FailureStatus & { readonly at: string }) | null;
}

export interface CertificateStatus {
  readonly subject: string;
  readonly issuer: string;
  /** As in `openssl x509 -serial`, in lower case. It is also the default name of role sessions. */
  readonly serial: string;
  /** SHA-256 of the certificate, lower-case hexadecimal. */
  readonly fingerprint: string;
  readonly algorithm: string;
  readonly key: KeyStatus;
  readonly notBefore: string;
  readonly notAfter: string;
  /** Hundredths of a day. Negative: expired since then. */
  readonly daysLeft: number;
  /** Intermediates in issuing order. */
  readonly chain: readonly { readonly subject: string; readonly notAfter: string }[];
}

interface KeyStatus {
  readonly source: KeyMaterial['kind'];
  /** As in the configuration, without secrets, or the SPIFFE ID. Null: a key in a file. */
  readonly name: string | null;
}

interface CandidateStatus extends CertificateStatus {
  /** Null: not tried yet. */
  readonly refusal: (FailureStatus & { readonly nextTrial: string }) | null;
}

export function identityStatus(snapshot: IdentitySnapshot, now: number): IdentityStatus {
  const { used, candidate, refusal, fault, signatures, renewal } = snapshot;
  const nextTrial = isoSeconds(Math.max(now, refusal?.restsUntil ?? 0));
  return {
    certificate: used ? certificateStatus(used, now) : null,
    candidate: candidate
      ? {
          ...certificateStatus(candidate, now),
          refusal: refusal ? { ...failureStatus(refusal.failure), nextTrial } : null,
        }
      : null,
    fault: fault ? failureStatus(fault) : null,
    signature: signatureStatus(signatures),
    renewal: renewal ? renewalStatus(renewal, now) : null,
  };
}

function renewalStatus({ isRunning, nextAt, trouble }: RenewalState, now: number): RenewalStatus {
  const since = isoSeconds(trouble?.since ?? 0);
  return {
    isRunning,
    next: nextAt === undefined ? null : isoSeconds(Math.max(now, nextAt)),
    failure: trouble ? { ...failureStatus(trouble.failure), attempts: trouble.attempts, since } : null,
  };
}

function signatureStatus({ made, failed }: LastSignatures): SignatureStatus {
  return {
    made: made ? { at: isoSeconds(made.at), milliseconds: Math.round(made.durationMs) } : null,
    failed: failed ? { ...failureStatus(failed.failure), at: isoSeconds(failed.at) } : null,
  };
}

function certificateStatus(identity: SigningIdentity, now: number): CertificateStatus {
  const { subject, issuer, serial, fingerprint, algorithm, key, notBefore, notAfter, chain } = identity;
  return {
    subject,
    issuer,
    serial: serialHex(serial),
    fingerprint,
    algorithm,
    key: { source: key.kind, name: nameOf(key) },
    notBefore: isoSeconds(notBefore),
    notAfter: isoSeconds(notAfter),
    daysLeft: Math.floor(((notAfter - now) / DAY_MS) * 100) / 100,
    chain: chain.map(intermediateStatus),
  };
}

function nameOf(key: SigningIdentity['key']): string | null {
  if (key.kind === 'spiffe') return key.id;
  return key.kind === 'file' ? null : sourceText(key);
}

/** Node's own class is sufficient here, and avoids loading @peculiar/x509 into the daemon. */
function intermediateStatus(der: Buffer): CertificateStatus['chain'][number] {
  return { subject: subjectOf(der), notAfter: isoSeconds(certificateFields(der).notAfter) };
}

/** In the order of the certificate, like for the leaf. */
function subjectOf(der: Buffer): string {
  try {
    return new X509Certificate(der).subject.split('\n').join(', ');
  } catch {
    // OpenSSL 3.5 rejects certificates whose times lack seconds.
    return 'unknown to this Node';
  }
}
