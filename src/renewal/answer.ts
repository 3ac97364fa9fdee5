/** The certificate that a program printed, proven like one in a file. */
import type { IdentityConfig } from '../config/config.ts';
import { readFileContent } from '../files/read-file.ts';
import { isoSeconds } from '../foundation/clock.ts';
import { type IdentityContent, readIdentityContent } from '../identity/identity-content.ts';
import { provenIdentity } from '../identity/proven-identity.ts';
import type { LoadedIdentity, SigningIdentity } from '../identity/signing-identity.ts';
import type { KeyMaterial } from '../keys/signing-key.ts';
import { renewalError } from './renewal-errors.ts';
import type { RenewedPair } from './request.ts';

const PLACE = 'the answer of the renewal program';

/** @returns undefined if there is no certificate in the text. */
export async function answerContent(text: string): Promise<IdentityContent | undefined> {
  if (!/-----BEGIN (?:X509 )?CERTIFICATE-----/.test(text)) return undefined;
  return readIdentityContent({ path: PLACE, content: Buffer.from(text), mode: 0o600, owner: 0 }, undefined);
}

export interface AnswerContext {
  readonly pair: RenewedPair;
  readonly config: IdentityConfig;
  readonly now: number;
}

/**
 * The new identity: a certificate for the key of the request, with a chain from the answer and the
 * configured files. Other keys in the answer count for nothing.
 *
 * @throws CodedError
 */
export async function renewedIdentity(
  answer: IdentityContent,
  { pair, config, now }: AnswerContext,
): Promise<LoadedIdentity> {
  const contentOf = async (file: string | undefined): Promise<IdentityContent | undefined> =>
    file === undefined ? undefined : readIdentityContent(await readFileContent(file), undefined);
  return provenIdentity(
    {
      certificate: answer,
      privateKey: keyContent(pair),
      intermediates: await contentOf(config.intermediates),
      trustAnchorBundle: await contentOf(config.trustAnchorBundle),
    },
    undefined,
    now,
  );
}

type End = Pick<SigningIdentity, 'notAfter'>;

/** @throws RENEWAL_NOT_NEWER */
export function checkEndsLater(renewed: End, used: End | undefined): void {
  if (!used || renewed.notAfter > used.notAfter) return;
  const [ends, before] = [renewed, used].map(({ notAfter }) => isoSeconds(notAfter));
  throw renewalError('RENEWAL_NOT_NEWER', `the new certificate ends at ${ends}, the one in use at ${before}`);
}

/** The key of the request, which is in memory or in its own place. */
function keyContent({ key: { key, publicKey } }: RenewedPair): Parameters<typeof provenIdentity>[0]['privateKey'] {
  const path = 'the key of the request';
  if (!('privateKey' in key)) return { path, ...outside(key), publicKeys: [publicKey] };
  const der = key.privateKey.export({ format: 'der', type: 'pkcs8' });
  return { path, certificates: [], keys: [{ form: 'pkcs8', der }], found: [], skipped: [] };
}

function outside({ secret, publicKey, ...source }: Extract<KeyMaterial, { readonly secret: unknown }>) {
  return { source, secret };
}
