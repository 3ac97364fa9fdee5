import type { CodedError } from '../foundation/errors.ts';
import { stsError } from './sts-errors.ts';

/**
 * Bytes of tags that use up the space of STS for policies and tags in packed form. AWS does not
 * publish the limit. Sessions of 9 tags with 2268 bytes took 498 percent of it.
 */
const SPACE_FOR_TAGS = 455;
const NEAR = 80;

/** STS_PACKED_SIZE_NEAR, if tags alone probably take most of that space, or more. */
export function packedSizeWarning(tags: Readonly<Record<string, string>>): CodedError | undefined {
  const bytes = Object.entries(tags).reduce((sum, [key, value]) => sum + Buffer.byteLength(key + value), 0);
  const percent = Math.round((100 * bytes) / SPACE_FOR_TAGS);
  if (percent < NEAR) return undefined;
  const what = `the tags of a session have ${bytes} bytes, about ${percent} % of the space for session policies and tags`;
  return stsError('STS_PACKED_SIZE_NEAR', what);
}
