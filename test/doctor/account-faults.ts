import { type FakeAccount, goodAccount, serveAccount, type ServedAccount, trusting } from '../account/fake-account.ts';
import type { Authority } from '../support/pki.ts';
import type { SeededFault } from './faults.ts';
import type { Scene } from './scene.ts';
import { arnOf, PROFILE, revocationList, REVOKED, roleArnOf } from './site.ts';

// Faults of an account that `doctor --with-profile` reads. Each one is an account of its own.

interface AccountFault {
  readonly code: string;
  readonly what: string;
  readonly change: (account: FakeAccount, site: Pick<Scene['site'], 'stranger'>, revoked: string) => void;
  /** In the configuration. */
  readonly role?: (url: string) => object;
  readonly serial?: string;
}

const profile =
  (changes: object): AccountFault['change'] =>
  (account) =>
    void Object.assign(account.profile ?? {}, changes);

const trust =
  (trustPolicy: object): AccountFault['change'] =>
  (account) =>
    void (account.role = { maxSessionDuration: 3600, trustPolicy });

const FAULTS: readonly AccountFault[] = [
  {
    code: 'ACCOUNT_ANCHOR_MISSING',
    what: 'the account has no such trust anchor',
    change: (account) => void (account.anchor = undefined),
  },
  {
    code: 'ACCOUNT_ANCHOR_DISABLED',
    what: 'the trust anchor in the account is disabled',
    change: ({ anchor }) => void Object.assign(anchor ?? {}, { enabled: false }),
  },
  {
    code: 'ACCOUNT_ANCHOR_OTHER_CA',
    what: 'the trust anchor has another CA',
    change: ({ anchor }, { stranger }) => void Object.assign(anchor ?? {}, { pem: stranger.certificatePem }),
  },
  {
    code: 'ACCOUNT_CERTIFICATE_REVOKED',
    what: 'the second list of the account names the certificate',
    serial: REVOKED,
    change: ({ lists }, _site, revoked) => {
      const list = { name: 'fleet', data: Buffer.from(revoked), trustAnchorArn: arnOf('trust-anchor', 1) };
      lists.push({ ...list, enabled: false }, { ...list, enabled: true });
    },
  },
  {
    code: 'ACCOUNT_PROFILE_MISSING',
    what: 'the account has no such profile',
    change: (account) => void (account.profile = undefined),
  },
  {
    code: 'ACCOUNT_PROFILE_DISABLED',
    what: 'the profile in the account is disabled',
    change: profile({ enabled: false }),
  },
  {
    code: 'ACCOUNT_PROFILE_LACKS_ROLE',
    what: 'the profile in the account lists other roles',
    change: profile({ roleArns: [] }),
  },
  {
    code: 'ACCOUNT_SESSION_NAME_REFUSED',
    what: 'the profile in the account accepts no session name',
    role: () => ({ roleSessionName: 'sensor' }),
    change: () => undefined,
  },
  {
    code: 'ACCOUNT_ROLE_MISSING',
    what: 'the account has no such role',
    change: (account) => void (account.role = undefined),
  },
  {
    code: 'ACCOUNT_MAPPING_LACKS_TAG',
    what: 'the profile does not map what the trust policy asks for',
    change: profile({ attributeMappings: [{ certificateField: 'x509Subject', mappingRules: [{ specifier: 'O' }] }] }),
  },
  {
    code: 'ACCOUNT_TRUST_DENIES',
    what: 'the trust policy allows one action of three',
    change: trust(trusting({}, 'sts:AssumeRole')),
  },
  {
    code: 'ACCOUNT_TRUST_DENIES',
    what: 'the trust policy is for another certificate',
    change: trust(trusting({ StringEquals: { 'aws:PrincipalTag/x509Subject/CN': 'device-0002' } })),
  },
  {
    code: 'ACCOUNT_DURATION_ABOVE_ROLE',
    what: 'the role in the account allows shorter sessions',
    role: () => ({ sessionDuration: 7200 }),
    change: profile({ durationSeconds: 43_200 }),
  },
  {
    code: 'ACCOUNT_SESSION_POLICY_DENIES',
    what: 'the session policy of the profile has no second role',
    role: (endpoint) => ({ assume: { roleArn: roleArnOf('next'), endpoint } }),
    change: profile({
      sessionPolicy: '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}',
    }),
  },
];

/** Serves all of them, each below its number. */
export async function openAccounts(authority: Authority, stranger: Authority): Promise<ServedAccount> {
  const revoked = await revocationList(authority);
  const accounts = FAULTS.map(({ change }) => {
    const account = goodAccount(authority.certificatePem);
    Object.assign(account.profile ?? {}, { roleArns: [roleArnOf('device')] });
    change(account, { stranger }, revoked);
    return account;
  });
  return serveAccount((path) => {
    const account = accounts[Number(path.split('/')[1])];
    if (!account) throw new Error(`no account at ${path}`);
    return account;
  });
}

export const ACCOUNT_FAULTS: readonly SeededFault[] = FAULTS.map(({ code, what, role, serial }, number) => ({
  ...{ step: 'account', code, what },
  seed: async (scene) => {
    const { config, site, environment, flags } = scene;
    // Whatever was changed before: the account must be the only fault that it can find.
    await scene.issue(serial === undefined ? {} : { serial });
    config.identity['trustAnchorBundle'] = await scene.write('root-ca.pem', site.authority.certificatePem);
    const endpoint = `${site.accounts.url}/${number}`;
    config.rolesAnywhere = {
      ...{ endpoint, trustAnchorArn: arnOf('trust-anchor', 1) },
      profileArn: arnOf('profile', PROFILE.good),
    };
    config.roles = [
      { name: 'device', roleArn: roleArnOf('device'), imds: { listen: site.daemon.imds.device }, ...role?.(endpoint) },
    ];
    const keys = '[admin]\naws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = x\n';
    environment['AWS_SHARED_CREDENTIALS_FILE'] = await scene.write('admin-credentials', keys);
    flags.push('--with-profile', 'admin');
  },
}));
