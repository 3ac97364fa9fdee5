// The requirements of IAM Roles Anywhere for an end-entity certificate (user guide, "Signature
// verification" in the trust model), checked before the call: its answer to most violations is only
// "Untrusted signing certificate".
import { DAY_MS, isoSeconds } from '../foundation/clock.ts';
import type { CodedError } from '../foundation/errors.ts';
import type { Certificate } from './certificate.ts';
import { identityError, type identityErrors } from './identity-errors.ts';

interface Requirement {
  readonly code: keyof typeof identityErrors;
  /** The unmet requirement; undefined if all are met. */
  readonly fault: (certificate: Certificate, now: number) => string | undefined;
}

export const WEAK_HASHES: ReadonlySet<string> = new Set(['MD2', 'MD4', 'MD5', 'SHA-1', 'SHA-224']);

const REQUIREMENTS: readonly Requirement[] = [
  { code: 'CERTIFICATE_NOT_V3', fault: ({ version }) => (version === 3 ? undefined : `is of version ${version}`) },
  { code: 'CERTIFICATE_IS_CA', fault: ({ isCa }) => (isCa ? 'is a CA certificate' : undefined) },
  { code: 'CERTIFICATE_EMPTY_SUBJECT', fault: ({ subject }) => (subject.length > 0 ? undefined : 'has no subject') },
  {
    code: 'CERTIFICATE_SERIAL_NEGATIVE',
    fault: ({ serial }) => (serial.startsWith('-') ? `has the serial number ${serial}` : undefined),
  },
  { code: 'CERTIFICATE_KEY_USAGE', fault: keyUsageFault },
  { code: 'CERTIFICATE_WEAK_SIGNATURE', fault: signatureFault },
  {
    code: 'CERTIFICATE_NOT_YET_VALID',
    fault: ({ notBefore }, now) =>
      now < notBefore ? `begins at ${isoSeconds(notBefore)}; this machine has ${isoSeconds(now)}` : undefined,
  },
  {
    code: 'CERTIFICATE_EXPIRED',
    fault: ({ notAfter }, now) =>
      now < notAfter ? undefined : `expired at ${isoSeconds(notAfter)}; this machine has ${isoSeconds(now)}`,
  },
];

/** @throws the first requirement that `certificate` does not meet. */
export function checkSigningCertificate(certificate: Certificate, now: number): void {
  const fault = signingFault(certificate, now);
  if (fault) throw fault;
}

/** The first requirement that `certificate` does not meet. */
export function signingFault(certificate: Certificate, now: number): CodedError | undefined {
  for (const { code, fault } of REQUIREMENTS) {
    const fact = fault(certificate, now);
    if (fact !== undefined) return identityError(code, `the certificate ${nameOf(certificate)} ${fact}`);
  }
  return undefined;
}

/**
 * Less than a fifth of the lifetime left, or 30 days if that is less. Renewal tools renew with a
 * third left (certbot, cert-manager, step-ca) or half (SPIRE), so by then renewal has failed: of an
 * hour 12 minutes remain, of 90 days 18 days.
 */
export function expiryWarning(certificate: Certificate, now: number): CodedError | undefined {
  const { notBefore, notAfter } = certificate;
  if (notAfter - now >= Math.min((notAfter - notBefore) / 5, 30 * DAY_MS)) return undefined;
  return identityError(
    'CERTIFICATE_EXPIRES_SOON',
    `the certificate ${nameOf(certificate)} expires at ${isoSeconds(notAfter)}`,
  );
}

/** Properties that the requirements do not exclude, but a strict verifier rejects (RFC 5280 4.2). */
export function oddities(leaf: Certificate, chain: readonly Certificate[]): CodedError[] {
  const odd = (certificate: Certificate, fact: string): CodedError =>
    identityError('CERTIFICATE_UNUSUAL', `the certificate ${nameOf(certificate)} ${fact}`);
  return [
    ...[leaf, ...chain].flatMap((certificate) => [
      ...certificate.duplicateExtensions.map((oid) => odd(certificate, `has the extension ${oid} twice`)),
      ...certificate.unknownCriticalExtensions.map((oid) =>
        odd(certificate, `has the critical extension ${oid}, which few programs know`),
      ),
    ]),
    ...(['keyCertSign', 'cRLSign'] as const)
      .filter((usage) => leaf.keyUsage?.has(usage))
      .map((usage) => odd(leaf, `has the keyUsage ${usage}, which only a CA has`)),
    ...chain.flatMap((certificate) => {
      const fault = authorityFault(certificate);
      return fault === undefined ? [] : [odd(certificate, fault)];
    }),
  ];
}

function authorityFault({ version, isCa, keyUsage }: Certificate): string | undefined {
  if (version !== 3) return `is an intermediate of version ${version}, not 3`;
  if (isCa !== true) return 'is an intermediate without basicConstraints CA:TRUE';
  return keyUsage?.has('keyCertSign') ? undefined : 'is an intermediate without the keyUsage keyCertSign';
}

/** For people: the subject, or the serial number if there is none. */
function nameOf({ subjectText, serialHex }: Certificate): string {
  return subjectText === '' ? `with serial ${serialHex}` : subjectText;
}

function keyUsageFault({ keyUsage }: Certificate): string | undefined {
  if (!keyUsage) return 'has no keyUsage';
  return keyUsage.has('digitalSignature') ? undefined : `has the keyUsage ${[...keyUsage].join(', ')} only`;
}

function signatureFault({ signatureHash }: Certificate): string | undefined {
  return signatureHash !== undefined && WEAK_HASHES.has(signatureHash) ? `is signed with ${signatureHash}` : undefined;
}
