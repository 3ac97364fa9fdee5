import type { CodedError } from '../foundation/errors.ts';
import { packedPercent } from '../iam/packed-size.ts';
import { stsError } from './sts-errors.ts';

const NEAR = 80;

/** STS_PACKED_SIZE_NEAR, if tags alone probably take most of that space, or more. */
export function packedSizeWarning(tags: Readonly<Record<string, string>>): CodedError | undefined {
  const percent = packedPercent(Object.entries(tags));
  if (percent < NEAR) return undefined;
  const what = `the tags of a session take about ${percent} % of the space of STS for session policies and tags`;
  return stsError('STS_PACKED_SIZE_NEAR', what);
}
