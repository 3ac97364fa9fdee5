import { rolesAnywhereError } from './rolesanywhere-errors.ts';

export interface Arn {
  /** `aws`, `aws-cn`, ... */
  readonly partition: string;
  /** Empty for a role: IAM is global. */
  readonly region: string;
  readonly accountId: string;
  /** `trust-anchor/ID`, `profile/ID`, `role/PATH/NAME` */
  readonly resource: string;
}

export type ArnKind = 'trust anchor' | 'profile' | 'role';

interface Form {
  readonly region: RegExp;
  readonly resource: RegExp;
  readonly example: string;
}

/** A region becomes part of a host name, so it must be a DNS label. */
const REGION = /^[a-z]{2,}(?:-[a-z0-9]+)+$/;

const FORMS: Readonly<Record<ArnKind, Form>> = {
  'trust anchor': {
    region: REGION,
    resource: /^trust-anchor\/[A-Za-z0-9-]+$/,
    example: 'arn:aws:rolesanywhere:REGION:ACCOUNT:trust-anchor/UUID',
  },
  profile: {
    region: REGION,
    resource: /^profile\/[A-Za-z0-9-]+$/,
    example: 'arn:aws:rolesanywhere:REGION:ACCOUNT:profile/UUID',
  },
  // Path and name as defined by IAM (IAM API reference, CreateRole).
  role: {
    region: /^$/,
    resource: /^role\/(?:[\x21-\x7e]+\/)?[\w+=,.@-]{1,64}$/,
    example: 'arn:aws:iam::ACCOUNT:role/NAME',
  },
};

const ARN =
  /^arn:(?<partition>aws(?:-[a-z]+)*):(?<service>[a-z0-9-]+):(?<region>[^:]*):(?<accountId>\d{12}):(?<resource>.+)$/;
/** The longest that the service accepts, for each of the three. */
const MAX_LENGTH = 1011;

/** @throws CodedError ARN_MALFORMED, or ARN_WRONG_KIND if it is the ARN of something else. */
export function parseArn(text: string, kind: ArnKind): Arn {
  const { partition, service, region, accountId, resource } = ARN.exec(text)?.groups ?? {};
  if (text.length > MAX_LENGTH || !partition || !service || region === undefined || !accountId || !resource)
    throw malformed(text, kind);
  const arn = { partition, region, accountId, resource };
  const actual = kindOf(service, resource);
  if (actual !== kind) throw wrongKind(text, kind, actual ?? `a resource of ${service}`);
  const form = FORMS[kind];
  if (!form.region.test(region) || !form.resource.test(resource)) throw malformed(text, kind);
  return arn;
}

/** Without its path, as in the IMDS and in the ARN of an assumed role. */
export function roleName(role: Arn): string {
  return role.resource.slice(role.resource.lastIndexOf('/') + 1);
}

function kindOf(service: string, resource: string): ArnKind | undefined {
  const type = resource.split('/', 1)[0];
  if (service === 'iam' && type === 'role') return 'role';
  if (service !== 'rolesanywhere') return undefined;
  return type === 'trust-anchor' ? 'trust anchor' : type === 'profile' ? 'profile' : undefined;
}

function malformed(text: string, kind: ArnKind): Error {
  return rolesAnywhereError('ARN_MALFORMED', `"${bounded(text)}" is not the ARN of a ${kind}: ${FORMS[kind].example}`);
}

function wrongKind(text: string, kind: ArnKind, actual: string): Error {
  const what = actual.startsWith('a ') ? actual : `a ${actual}`;
  return rolesAnywhereError('ARN_WRONG_KIND', `"${bounded(text)}" is the ARN of ${what}, but this key needs a ${kind}`);
}

function bounded(text: string): string {
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}
