// An identity from the SPIFFE Workload API: docs/spiffe.md.
import type { IdentityConfig } from '../config/config.ts';
import { DAY_MS } from '../foundation/clock.ts';
import { CodedError } from '../foundation/errors.ts';
import type { FileKey, SvidKey } from '../keys/signing-key.ts';
import { certificatesIn, chosenSvid } from '../spiffe/chosen-svid.ts';
import { spiffeError } from '../spiffe/spiffe-errors.ts';
import { type SpiffeSource, workloadOf } from '../spiffe/spiffe-source.ts';
import type { Svid, Svids } from '../spiffe/wire.ts';
import { readCertificate } from './certificate.ts';
import type { LoadContext } from './load-identity.ts';
import type { SvidContent } from './outside-contents.ts';
import type { LoadedIdentity } from './signing-identity.ts';
import type { ReadIdentity } from './watched-identity.ts';

/**
 * Proves an SVID like a pair from files.
 *
 * @param source - the certificate of the configuration.
 * @param readFiles - reads the parts that are in files, such as the trust anchor.
 */
export async function svidIdentity(
  source: SpiffeSource,
  config: IdentityConfig,
  { context, readFiles, signal }: { context: LoadContext; readFiles: ReadIdentity; signal: AbortSignal },
): Promise<LoadedIdentity> {
  const svids = context.svids ? await context.svids() : await asked(source, config, context, signal);
  const { svid, warnings } = chosenSvid(svids, source);
  try {
    const outside = { key: undefined, certificates: undefined, svid: contentOf(svid) };
    const { identity, warnings: further } = await readFiles(config, { ...context, outside }, signal);
    const { key } = identity;
    const root = rootWarning(svid);
    return {
      identity: 'privateKey' in key ? Object.freeze({ ...identity, key: heldKey(key, svid) }) : identity,
      warnings: [...warnings, ...further, ...(root ? [root] : [])],
    };
  } catch (error) {
    throw svidError(error, svid);
  }
}

function heldKey({ privateKey }: Pick<FileKey, 'privateKey'>, { id }: Svid): SvidKey {
  return { kind: 'spiffe', privateKey, id };
}

/** Loaded only here: few configurations need HTTP/2. */
async function asked(
  source: SpiffeSource,
  config: IdentityConfig,
  { environment }: LoadContext,
  signal: AbortSignal,
): Promise<Svids> {
  const workload = workloadOf(source, config, environment);
  const { firstSvids } = await import('../spiffe/workload-api.ts');
  return firstSvids(workload, signal);
}

function contentOf({ id, certificates, key }: Svid): SvidContent {
  return { path: `the SVID ${id}`, certificates: certificatesIn(certificates), key };
}

/** An agent hands out what it has, even after its end. */
function svidError(error: unknown, { id }: Svid): unknown {
  if (error instanceof RangeError)
    return spiffeError('SPIFFE_ANSWER_UNREADABLE', `the SVID ${id} cannot be decoded: ${error.message}`, error);
  if (!(error instanceof CodedError) || error.code !== 'CERTIFICATE_EXPIRED') return error;
  return spiffeError('SPIFFE_SVID_EXPIRED', `the agent still has the expired SVID ${id}: ${error.message}`, error);
}

const MONTH_MS = 30 * DAY_MS;

/**
 * SPIRE's own CA lasts a day, and is replaced after half of that. As a trust anchor, it would soon
 * be useless.
 */
function rootWarning({ id, bundle }: Svid): CodedError | undefined {
  try {
    const lives = certificatesIn(bundle).map((der) => {
      const { notBefore, notAfter } = readCertificate(der);
      return notAfter - notBefore;
    });
    const shortest = Math.min(...lives);
    if (shortest >= MONTH_MS) return undefined;
    const hours = Math.round(shortest / 3_600_000);
    return spiffeError('SPIFFE_ROOT_SHORT_LIVED', `a CA in the bundle of ${id} lasts ${hours} h`);
  } catch {
    // It is not used.
    return undefined;
  }
}
