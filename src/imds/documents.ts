import { isoSeconds } from '../foundation/clock.ts';
import type { RoleSession } from '../rolesanywhere/role-session.ts';

export interface DescribedRole {
  /** The last part of the role ARN: what clients ask for by name. */
  readonly name: string;
  readonly accountId: string;
  readonly partition: string;
}

export interface Placement {
  readonly region: string;
  /** Region and one letter: clients cut off the last character to get the region. */
  readonly availabilityZone: string;
}

/** What `security-credentials/ROLE` answers. */
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
 * What `iam/info` answers. Terraform reads account and partition out of the ARN; there is no instance profile behind it, so it
 * has the role's name, and an InstanceProfileId is not made up.
 */
export function profileDocument(role: DescribedRole, session: RoleSession): string {
  return document({
    Code: 'Success',
    LastUpdated: isoSeconds(session.receivedAt),
    InstanceProfileArn: `arn:${role.partition}:iam::${role.accountId}:instance-profile/${role.name}`,
  });
}

/** The instance identity document with what is known; an instance id or an address is not made up: agents would believe it. */
export function identityDocument(role: DescribedRole, placement: Placement): string {
  return document({
    accountId: role.accountId,
    availabilityZone: placement.availabilityZone,
    region: placement.region,
    version: '2017-09-30',
  });
}

/** JSON laid out as EC2 does it (`"Code" : "Success"`), for those who read it with grep and sed. */
function document(fields: Readonly<Record<string, string>>): string {
  const lines = Object.entries(fields).map(([name, value]) => `  ${JSON.stringify(name)} : ${JSON.stringify(value)}`);
  return `{\n${lines.join(',\n')}\n}`;
}
