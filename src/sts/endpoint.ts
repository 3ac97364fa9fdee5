import { dnsSuffix, isRegionOf, overriddenUrl } from '../rolesanywhere/endpoint.ts';
import { rolesAnywhereError } from '../rolesanywhere/rolesanywhere-errors.ts';
import type { StsPlace } from './assumed-role.ts';

/** A call to the global name is signed for this region. */
const GLOBAL_NAME = { host: 'sts.amazonaws.com', region: 'us-east-1' };
const REGION_IN_NAME = /(?:^|\.)sts(?:-fips)?\.([a-z]{2,}(?:-[a-z0-9]+)+-\d+)\./;

/**
 * The URL of AssumeRole: the configured endpoint, or the one of the region.
 *
 * @throws CodedError ENDPOINT_*, PARTITION_UNKNOWN.
 */
export function stsUrl({ endpoint, partition, region, fips, dualStack }: StsPlace): URL {
  if (!isRegionOf(partition, region))
    throw regionDiffers(`partition ${partition} has no region ${region} to call STS in`);
  if (endpoint === undefined)
    return new URL(`https://${hostLabel(partition, fips, dualStack)}.${region}.${dnsSuffix(partition, dualStack)}/`);
  if (fips || dualStack)
    throw rolesAnywhereError('ENDPOINT_CONTRADICTORY', 'an STS endpoint is set together with fips or dualStack');
  const url = overriddenUrl(endpoint, '');
  if (/(?:^|\.)rolesanywhere(?:-fips)?\.(?:.*\.)?amazonaws\./.test(url.hostname))
    throw rolesAnywhereError('ENDPOINT_OTHER_SERVICE', `${url.hostname} is an endpoint of Roles Anywhere, not of STS`);
  const named = url.hostname === GLOBAL_NAME.host ? GLOBAL_NAME.region : REGION_IN_NAME.exec(url.hostname)?.[1];
  if (named === undefined || named === region) return url;
  throw regionDiffers(`the STS endpoint ${url.hostname} is in region ${named}, and the call is signed for ${region}`);
}

function regionDiffers(what: string): Error {
  return rolesAnywhereError('ENDPOINT_REGION_DIFFERS', what);
}

/** In GovCloud the plain names over IPv4 are FIPS endpoints. */
function hostLabel(partition: string, fips: boolean, dualStack: boolean): string {
  return fips && (dualStack || partition !== 'aws-us-gov') ? 'sts-fips' : 'sts';
}
