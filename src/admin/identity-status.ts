import { X509Certificate } from 'node:crypto';
import { isoSeconds } from '../foundation/clock.ts';
import { certificateFields } from '../identity/certificate-fields.ts';
import { serialHex } from '../identity/serial-number.ts';
import type { SigningIdentity } from '../identity/signing-identity.ts';
import { sourceText } from '../keys/key-source.ts';
import type { LastSignatures } from '../keys/observed-signer.ts';
import type { KeyMaterial } from '../keys/signing-key.ts';
import { failureStatus, type FailureStatus } from './failure-status.ts';
import type { IdentitySnapshot } from './snapshot.ts';

export interface IdentityStatus {
  /** Null: there has been none yet. */
  readonly certificate: CertificateStatus | null;
  /** A newer certificate: the old one is used until a session was granted to this one. */
  readonly candidate: CandidateStatus | null;
  /** Why what is on disk is not used. */
  readonly fault: FailureStatus | null;
  readonly signature: SignatureStatus;
}

/** Null: there has been none yet. */
interface SignatureStatus {
  readonly made: { readonly at: string; readonly milliseconds: number } | null;
  /** Later ones may have been made. */
  readonly failed: (FailureStatus & { readonly at: string }) | null;
}

export interface CertificateStatus {
  readonly subject: string;
  readonly issuer: string;
  /** As `openssl x509 -serial` has it, in lower case; role sessions without a name of their own are called so. */
  readonly serial: string;
  /** SHA-256 of the certificate, lower-case hexadecimal. */
  readonly fingerprint: string;
  readonly algorithm: string;
  readonly key: KeyStatus;
  readonly notBefore: string;
  readonly notAfter: string;
  /** Hundredths of a day; negative: expired for so long. */
  readonly daysLeft: number;
  /** Intermediates in issuing order. */
  readonly chain: readonly { readonly subject: string; readonly notAfter: string }[];
}

interface KeyStatus {
  readonly source: KeyMaterial['kind'];
  /** As the configuration names it, without secrets; null: its file. */
  readonly name: string | null;
}

interface CandidateStatus extends CertificateStatus {
  /** Null: not tried yet. */
  readonly refusal: (FailureStatus & { readonly nextTrial: string }) | null;
}

export function identityStatus(snapshot: IdentitySnapshot, now: number): IdentityStatus {
  const { used, candidate, refusal, fault, signatures } = snapshot;
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
  };
}

function signatureStatus({ made, failed }: LastSignatures): SignatureStatus {
  return {
    made: made ? { at: isoSeconds(made.at), milliseconds: Math.round(made.durationMs) } : null,
    failed: failed ? { ...failureStatus(failed.failure), at: isoSeconds(failed.at) } : null,
  };
}

const DAY_MS = 86_400_000;

function certificateStatus(identity: SigningIdentity, now: number): CertificateStatus {
  const { subject, issuer, serial, fingerprint, algorithm, key, notBefore, notAfter, chain } = identity;
  return {
    subject,
    issuer,
    serial: serialHex(serial),
    fingerprint,
    algorithm,
    key: { source: key.kind, name: key.kind === 'file' ? null : sourceText(key) },
    notBefore: isoSeconds(notBefore),
    notAfter: isoSeconds(notAfter),
    daysLeft: Math.floor(((notAfter - now) / DAY_MS) * 100) / 100,
    chain: chain.map(intermediateStatus),
  };
}

/** Node's own class: what it does not tell is of no interest here, and @peculiar/x509 is not loaded into the daemon. */
function intermediateStatus(der: Buffer): CertificateStatus['chain'][number] {
  return { subject: subjectOf(der), notAfter: isoSeconds(certificateFields(der).notAfter) };
}

/** In the order of the certificate, as for the leaf. */
function subjectOf(der: Buffer): string {
  try {
    return new X509Certificate(der).subject.split('\n').join(', ');
  } catch {
    // OpenSSL 3.5 reads no certificate whose times lack seconds.
    return 'unknown to this Node';
  }
}
