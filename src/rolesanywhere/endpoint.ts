import type { RolesAnywhereConfig } from '../config/config.ts';
import { isLoopback, withoutUserinfo } from '../foundation/address.ts';
import type { Arn } from './arn.ts';
import { rolesAnywhereError } from './rolesanywhere-errors.ts';

export type EndpointConfig = Pick<RolesAnywhereConfig, 'endpoint' | 'fips' | 'dualStack'>;

/** The settings of a role, where it has its own, over those that roles share. */
export function endpointOf(shared: EndpointConfig, role: Partial<EndpointConfig>): EndpointConfig {
  const { endpoint, fips = false, dualStack = false } = role;
  if (endpoint !== undefined) return { endpoint, fips, dualStack };
  return { ...shared, fips: role.fips ?? shared.fips, dualStack: role.dualStack ?? shared.dualStack };
}

/** DNS suffixes from the partition table that the AWS SDKs share (`partitions.json`). */
const PARTITIONS: ReadonlyMap<string, Partition> = new Map([
  ['aws', { regions: '', suffix: 'amazonaws.com', dualStack: 'api.aws' }],
  ['aws-cn', { regions: 'cn-', suffix: 'amazonaws.com.cn', dualStack: 'api.amazonwebservices.com.cn' }],
  ['aws-us-gov', { regions: 'us-gov-', suffix: 'amazonaws.com', dualStack: 'api.aws' }],
  ['aws-eusc', { regions: 'eusc-', suffix: 'amazonaws.eu', dualStack: 'api.amazonwebservices.eu' }],
  ['aws-iso', { regions: 'us-iso-', suffix: 'c2s.ic.gov', dualStack: 'api.aws.ic.gov' }],
  ['aws-iso-b', { regions: 'us-isob-', suffix: 'sc2s.sgov.gov', dualStack: 'api.aws.scloud' }],
  ['aws-iso-e', { regions: 'eu-isoe-', suffix: 'cloud.adc-e.uk', dualStack: 'api.cloud-aws.adc-e.uk' }],
  ['aws-iso-f', { regions: 'us-isof-', suffix: 'csp.hci.ic.gov', dualStack: 'api.aws.hci.ic.gov' }],
]);

interface Partition {
  /** How the names of its regions begin. Those of `aws` begin in no common way. */
  readonly regions: string;
  readonly suffix: string;
  readonly dualStack: string;
}

/** Also true for a partition that is not known. */
export function isRegionOf(partition: string, region: string): boolean {
  const own = [...PARTITIONS].find(([, { regions }]) => regions !== '' && region.startsWith(regions))?.[0] ?? 'aws';
  return own === partition || !PARTITIONS.has(partition);
}

/**
 * The URL of CreateSession: the configured endpoint, or the one of the trust anchor's partition and
 * region. The path ends in `/sessions` and is sent exactly like this.
 *
 * @throws CodedError ENDPOINT_*, PARTITION_UNKNOWN.
 */
export function sessionsUrl(config: EndpointConfig, trustAnchor: Pick<Arn, 'partition' | 'region'>): URL {
  const { endpoint, fips, dualStack } = config;
  if (endpoint === undefined) return regionalUrl(config, trustAnchor);
  if (fips || dualStack)
    throw rolesAnywhereError('ENDPOINT_CONTRADICTORY', 'an endpoint is set together with fips or dualStack');
  const url = overriddenUrl(endpoint, 'sessions');
  if (/(?:^|\.)sts(?:-fips)?\.(?:.*\.)?amazonaws\./.test(url.hostname))
    throw rolesAnywhereError('ENDPOINT_OTHER_SERVICE', `${url.hostname} is an endpoint of STS, not of Roles Anywhere`);
  return inRegion(url, trustAnchor.region);
}

/**
 * The region in the host name of an AWS endpoint: `rolesanywhere.REGION.…`, or a VPC endpoint.
 * Other names have none.
 */
const REGION_IN_NAME =
  /(?:^|\.)rolesanywhere(?:-fips)?\.([a-z]{2,}(?:-[a-z0-9]+)+-\d+)\.(?:vpce\.)?(?:amazonaws|api|c2s|sc2s|cloud|csp)\./;

function inRegion(url: URL, region: string): URL {
  const named = REGION_IN_NAME.exec(url.hostname)?.[1];
  if (named === undefined || named === region) return url;
  const what = `the endpoint ${url.hostname} is in region ${named}, the trust anchor in ${region}`;
  throw rolesAnywhereError('ENDPOINT_REGION_DIFFERS', what);
}

function regionalUrl(
  { fips, dualStack }: EndpointConfig,
  { partition, region }: Pick<Arn, 'partition' | 'region'>,
): URL {
  const service = fips ? 'rolesanywhere-fips' : 'rolesanywhere';
  return new URL(`https://${service}.${region}.${dnsSuffix(partition, dualStack)}/sessions`);
}

/** @throws CodedError PARTITION_UNKNOWN */
export function dnsSuffix(partition: string, dualStack: boolean): string {
  const suffixes = PARTITIONS.get(partition);
  if (!suffixes) throw rolesAnywhereError('PARTITION_UNKNOWN', `the partition "${partition}" is not known`);
  return dualStack ? suffixes.dualStack : suffixes.suffix;
}

/** A configured endpoint with the path of an operation below it, if it has one. @throws CodedError ENDPOINT_* */
export function overriddenUrl(endpoint: string, operation: string): URL {
  const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  if (!url || !['http:', 'https:'].includes(url.protocol)) throw malformed(endpoint, 'is not an http or https URL');
  if (url.username !== '' || url.password !== '') throw malformed(endpoint, 'carries a user name or password');
  if (/[?#]/.test(endpoint)) throw malformed(endpoint, 'has a query or a fragment');
  if (url.protocol === 'http:' && !isLoopback(url.hostname))
    throw rolesAnywhereError('ENDPOINT_INSECURE', `the endpoint ${url.origin} is plain http to another machine`);
  // A canonical URI merges repeated slashes, so merge them before sending.
  url.pathname = `${url.pathname}/${operation}`.replace(/\/{2,}/g, '/').replace(/\/$/, '');
  return url;
}

function malformed(endpoint: string, what: string): Error {
  return rolesAnywhereError('ENDPOINT_MALFORMED', `the endpoint ${withoutUserinfo(endpoint)} ${what}`);
}
