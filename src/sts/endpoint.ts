import { dnsSuffix, overriddenUrl } from '../rolesanywhere/endpoint.ts';
import { rolesAnywhereError } from '../rolesanywhere/rolesanywhere-errors.ts';
import type { StsPlace } from './assumed-role.ts';

/** Regional endpoints only: sessions of the global one do not work in every region. */
const REGION_IN_NAME = /(?:^|\.)sts(?:-fips)?\.([a-z]{2,}(?:-[a-z0-9]+)+-\d+)\./;

/**
 * The URL of AssumeRole: the configured endpoint, or the one of the region.
 *
 * @throws CodedError ENDPOINT_*, PARTITION_UNKNOWN.
 */
export function stsUrl({ endpoint, partition, region, fips, dualStack }: StsPlace): URL {
  if (endpoint === undefined)
    return new URL(`https://${hostLabel(partition, fips, dualStack)}.${region}.${dnsSuffix(partition, dualStack)}/`);
  if (fips || dualStack)
    throw rolesAnywhereError('ENDPOINT_CONTRADICTORY', 'an STS endpoint is set together with fips or dualStack');
  const url = overriddenUrl(endpoint, '');
  const named = REGION_IN_NAME.exec(url.hostname)?.[1];
  if (named === undefined || named === region) return url;
  const what = `the STS endpoint ${url.hostname} is in region ${named}, and the call is signed for ${region}`;
  throw rolesAnywhereError('ENDPOINT_REGION_DIFFERS', what);
}

/** In GovCloud the plain names over IPv4 are FIPS endpoints. */
function hostLabel(partition: string, fips: boolean, dualStack: boolean): string {
  return fips && (dualStack || partition !== 'aws-us-gov') ? 'sts-fips' : 'sts';
}
