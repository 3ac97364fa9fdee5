import type { PeerCertificate } from 'node:tls';
import type { CodedError } from '../foundation/errors.ts';
import { trustedCas } from './ca-bundle.ts';
import { dialled, unverified, type Way } from './connection.ts';
import { withDeadline } from './deadline.ts';
import type { TransportOptions } from './https-transport.ts';
import { proxyFor } from './proxy-settings.ts';
import { rolesAnywhereError } from './rolesanywhere-errors.ts';

/** The certificate that a server shows, whether it is trusted or not. */
export interface ShownCertificate {
  readonly subject: string;
  readonly issuer: string;
  /** As the certificate has it: `Jan  1 00:00:00 2045 GMT`. */
  readonly validTo: string;
}

const DEADLINE_MS = 5_000;

/** Looks at the certificate of a target, and sends nothing. @throws CodedError, or the error of Node or OpenSSL. */
export async function shownCertificate(
  target: URL,
  { caBundle, environment }: Pick<TransportOptions, 'caBundle' | 'environment'>,
): Promise<ShownCertificate> {
  const way: Way = { target, proxy: proxyFor(target, environment), ca: await trustedCas(caBundle, environment) };
  const dial = dialled(way);
  const late = (ms: number): CodedError =>
    rolesAnywhereError('RA_CONNECT_TIMEOUT', `no TLS within ${ms / 1000} seconds`);
  try {
    const { signal } = new AbortController();
    const secure = await withDeadline({ ms: DEADLINE_MS, signal, late }, () => unverified(dial, way));
    const { subject, issuer, valid_to: validTo } = secure.getPeerCertificate();
    return { subject: nameText(subject), issuer: nameText(issuer), validTo };
  } finally {
    dial.destroy();
  }
}

/** `CN=*.example.com, O=Example`; several values of a kind are joined with `/`. */
function nameText(name: PeerCertificate['subject']): string {
  return (['CN', 'OU', 'O', 'C'] as const)
    .flatMap((key) => {
      const value: string | readonly string[] | undefined = name[key];
      return value === undefined ? [] : `${key}=${[value].flat().join('/')}`;
    })
    .join(', ');
}
