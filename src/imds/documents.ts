import { isoSeconds } from '../foundation/clock.ts';
import type { RoleSession } from '../rolesanywhere/role-session.ts';

export interface DescribedRole {
  /** The last part of the role ARN, by which clients request it. */
  readonly name: string;
  readonly accountId: string;
  readonly partition: string;
}

export interface Placement {
  readonly region: string;
  /** Region and one letter: clients cut off the last character to get the region. */
  readonly availabilityZone: string;
}

/** The answer of `security-credentials/ROLE`. */
export function credentialDocument(role: DescribedRole, session: RoleSession): string {
  return document({
    Code: 'Success',
    LastUpdated: isoSeconds(session.receivedAt),
    Type: 'AWS-HMAC',
    AccessKeyId: session.accessKeyId,
    SecretAccessKey: session.secretAccessKey.reveal(),
    Token: session.sessionToken.reveal(),
    Expiration: isoSeconds(session.expiration),
    AccountId: role.accountId,
  });
}

/**
 * The answer of `iam/info`. Terraform reads account and partition from the ARN. There is no
 * instance profile, so it has the role's name, and no InstanceProfileId is invented.
 */
export function profileDocument(role: DescribedRole, session: RoleSession): string {
  return document({
    Code: 'Success',
    LastUpdated: isoSeconds(session.receivedAt),
    InstanceProfileArn: `arn:${role.partition}:iam::${role.accountId}:instance-profile/${role.name}`,
  });
}

/**
 * The instance identity document with known fields. No instance id or address is invented, because
 * agents would trust them.
 */
export function identityDocument(role: DescribedRole, placement: Placement): string {
  return document({
    accountId: role.accountId,
    availabilityZone: placement.availabilityZone,
    region: placement.region,
    version: '2017-09-30',
  });
}

/** JSON in EC2's layout (`"Code" : "Success"`), for scripts that parse it with grep and sed. */
function document(fields: Readonly<Record<string, string>>): string {
  const lines = Object.entries(fields).map(([name, value]) => `  ${JSON.stringify(name)} : ${JSON.stringify(value)}`);
  return `{\n${lines.join(',\n')}\n}`;
}
