/** One run of the renewal program: what it is asked, and what comes of it. */
import type { IdentityConfig, RenewConfig } from '../config/config.ts';
import { readFileContent } from '../files/read-file.ts';
import type { Log } from '../foundation/logger.ts';
import type { Environment } from '../foundation/process-environment.ts';
import { type Certificate, readCertificate } from '../identity/certificate.ts';
import { readIdentityContent } from '../identity/identity-content.ts';
import { endEntities } from '../identity/signing-chain.ts';
import { identityFields, type SigningIdentity } from '../identity/signing-identity.ts';
import type { OutsideKeys } from '../keys/outside-keys.ts';
import { checkEndsLater } from './answer.ts';
import { formFault } from './certificate-file.ts';
import { checkProgram } from './checked-program.ts';
import { withFreshKey } from './fresh-key.ts';
import { renewalError } from './renewal-errors.ts';
import { answerOf, type AskForCertificate } from './renewal-program.ts';
import { pairInUse, pairOnDisk, renewalRequest, type RenewedPair } from './request.ts';

export type RenewableConfig = IdentityConfig & { readonly certificate: string; readonly renew: RenewConfig };

export interface AskedParts {
  readonly keys: OutsideKeys;
  readonly ask: AskForCertificate;
  readonly environment: Environment;
  readonly log: Log;
}

export interface Asked {
  /** The key of the request. */
  readonly pair: RenewedPair;
  /** The file of the certificate before the run. */
  readonly before: Buffer;
  /** What the program printed. */
  readonly text: string;
}

/**
 * Runs the program with a request.
 *
 * @param used - the certificate in use; undefined if it has expired.
 * @throws CodedError, or the signal's reason.
 */
export async function askedProgram(
  config: RenewableConfig,
  { used, now }: { readonly used: SigningIdentity | undefined; readonly now: number },
  { keys, ask, environment, log }: AskedParts,
  signal: AbortSignal,
): Promise<Asked> {
  const { certificate: file, renew } = config;
  await checkProgram(config);
  const previous = used ? pairInUse(used) : await pairOnDisk(config, { now, environment }, keys);
  const { content: before } = await readFileContent(file);
  const fault = formFault(file, before);
  if (fault) throw fault;
  const pair = renew.rekey ? await withFreshKey(previous) : previous;
  log('info', 'renewing the certificate', used ? identityFields(used) : { file });
  const request = await renewalRequest(pair, keys, signal);
  return { pair, before, text: answerOf(await ask(renew, request, signal), renew, log) };
}

/**
 * The certificate in the file, if the program has written it itself.
 *
 * @throws RENEWAL_NO_CERTIFICATE, RENEWAL_NOT_NEWER, or the CodedError of a file.
 */
export async function writtenByProgram(
  file: string,
  { before }: Pick<Asked, 'before'>,
  { used, now }: { readonly used: SigningIdentity | undefined; readonly now: number },
): Promise<Certificate> {
  const written = await readFileContent(file);
  if (written.content.equals(before))
    throw renewalError('RENEWAL_NO_CERTIFICATE', `the program printed no certificate, and did not change ${file}`);
  const { certificates } = await readIdentityContent(written, undefined);
  const [leaf] = endEntities(certificates.map(readCertificate), now);
  if (!leaf) throw renewalError('RENEWAL_NO_CERTIFICATE', `the program wrote no certificate of a device to ${file}`);
  checkEndsLater(leaf, used);
  return leaf;
}
