import { stringify } from 'yaml';
import { DEFAULT_MAPPINGS } from '../iam/session-tags.ts';
import { withAnchor } from './resources.ts';
import type { Arns, Setup } from './setup.ts';

const ACCOUNT_ID = '111122223333';

/** In the emulated account. */
export function emulatedArns({ region, role }: Setup): Arns {
  const prefix = `arn:aws:rolesanywhere:${region}:${ACCOUNT_ID}`;
  return {
    trustAnchorArn: `${prefix}:trust-anchor/11111111-2222-4333-8444-555555555555`,
    profileArn: `${prefix}:profile/66666666-7777-4888-9999-000000000000`,
    roleArn: `arn:aws:iam::${ACCOUNT_ID}:role/${role.name}`,
  };
}

/**
 * account.yaml of `emulate`, in a directory next to the other files. Without managed policies, because their
 * documents are not known here.
 */
export function emulatedAccount(setup: Setup): string {
  const { region, authority, profile, role, trust } = setup;
  const { trustAnchorArn, profileArn, roleArn } = emulatedArns(setup);
  const account = {
    accountId: ACCOUNT_ID,
    region,
    trustAnchors: [
      {
        arn: trustAnchorArn,
        certificates: '../trust-anchor.pem',
        ...(authority.revocationList !== undefined && { revocationLists: '../revocation-list.pem' }),
      },
    ],
    profiles: [
      {
        arn: profileArn,
        roleArns: [roleArn],
        durationSeconds: profile.durationSeconds,
        attributeMappings: profile.mappings ?? DEFAULT_MAPPINGS,
      },
    ],
    roles: [
      {
        arn: roleArn,
        maxSessionDuration: role.maxSessionDuration,
        trustPolicy: withAnchor(trust.document, trustAnchorArn),
        ...(role.permissions && { policies: { [role.name]: role.permissions } }),
      },
    ],
  };
  return `# For \`imds-anywhere emulate --dir\`: docs/emulator.md has every key.\n${stringify(account, { lineWidth: 0, aliasDuplicateObjects: false })}`;
}
