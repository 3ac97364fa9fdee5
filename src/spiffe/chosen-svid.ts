import { createHash } from 'node:crypto';
import { readDer } from '../foundation/der.ts';
import type { CodedError } from '../foundation/errors.ts';
import { spiffeError } from './spiffe-errors.ts';
import type { SpiffeSource } from './spiffe-source.ts';
import type { Svid, Svids } from './wire.ts';

export interface ChosenSvid {
  readonly svid: Svid;
  readonly warnings: readonly CodedError[];
}

/**
 * By hint and ID. The standard makes the first one the default, but a second one may be inserted
 * before it at any time, so that is a warning.
 *
 * @throws SPIFFE_SVID_NOT_FOUND, SPIFFE_NO_IDENTITY
 */
export function chosenSvid(svids: Svids, { id, hint }: Pick<SpiffeSource, 'id' | 'hint'>): ChosenSvid {
  const [svid, ...others] = svids.filter(
    (one) => (hint === undefined || one.hint === hint) && (id === undefined || one.id === id),
  );
  const there = svids.slice(0, 10).map(nameOf).join(', ') + (svids.length > 10 ? ', ...' : '');
  if (svids.length === 0) throw spiffeError('SPIFFE_NO_IDENTITY', 'the agent has no SVID for this process');
  if (!svid) {
    const wanted = [...(id === undefined ? [] : [id]), ...(hint === undefined ? [] : [`hint ${hint}`])].join(' and ');
    throw spiffeError('SPIFFE_SVID_NOT_FOUND', `the agent has no SVID with ${wanted}, but: ${there}`);
  }
  const isAmbiguous = others.some((other) => other.id !== svid.id);
  const several = `${others.length + 1} SVIDs of the agent fit, and the first is used: ${there}`;
  return { svid, warnings: isAmbiguous ? [spiffeError('SPIFFE_SEVERAL_SVIDS', several)] : [] };
}

function nameOf({ id, hint }: Svid): string {
  return hint === '' ? id : `${id} (hint ${hint})`;
}

/** Identifies a set, to notice a change. */
export function digestOf(svids: Svids): string {
  const hash = createHash('sha256');
  for (const { certificates, bundle } of svids) hash.update(certificates).update(bundle);
  for (const svid of svids) hash.update(`\n${nameOf(svid)}`);
  return hash.digest('hex');
}

/** Splits concatenated certificates. @throws RangeError */
export function certificatesIn(concatenated: Buffer): readonly Buffer[] {
  const found: Buffer[] = [];
  for (let rest = concatenated; rest.length > 0; rest = rest.subarray(found.at(-1)?.length)) {
    found.push(rest.subarray(0, readDer(rest).size));
  }
  return found;
}
