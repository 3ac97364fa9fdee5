import type { ConfigFinding } from '../foundation/config-finding.ts';
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

/** Of the roles of a configuration that are assumed with tags. */
export function packedSizeFindings(
  roles: readonly { readonly assume?: { readonly tags: Readonly<Record<string, string>> } | undefined }[],
): ConfigFinding[] {
  return roles.flatMap(({ assume }, index) => {
    const error = assume && packedSizeWarning(assume.tags);
    return error ? [{ severity: 'warning', path: ['roles', index, 'assume', 'tags'], error }] : [];
  });
}
