import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { loadConfig } from '../../src/config/load-config.ts';
import { revocationList } from '../doctor/site.ts';
import { hasAwsCli, requestsOf } from '../support/aws-cli.ts';
import { makeAuthority } from '../support/pki.ts';
import { describeWith } from '../support/tools.ts';
import { Workshop } from '../support/workshop.ts';
import { ARNS, initialised, REQUIRED } from './setup-folder.ts';

// create.sh with the real AWS CLI. A local server answers with ARNs, and shows what reaches AWS.

const [ANCHOR, PROFILE, ROLE] = ARNS;

const ANSWERS: Readonly<Record<string, object>> = {
  '/trustanchors': { trustAnchor: { trustAnchorArn: ANCHOR } },
  '/profiles': { profile: { profileArn: PROFILE } },
  '/crls': { crl: { crlId: '77777777-8888-4999-9000-111111111111' } },
};

const CREATED_ROLE = `<CreateRoleResponse><CreateRoleResult><Role><Arn>${ROLE}</Arn></Role></CreateRoleResult></CreateRoleResponse>`;

/** Nine starts of the CLI, on a busy machine. */
const SLOWEST_MS = 240_000;

describeWith('AWS CLI', hasAwsCli, 'create.sh', () => {
  test(
    'creates everything, and writes the ARNs into the configuration',
    async () => {
      const workshop = await Workshop.open();
      onTestFinished(workshop.close);
      const authority = await makeAuthority('Example CA');
      const device = await authority.issue({ subject: 'CN=device-0001,O=Example (Test)' });
      const permissions = { Version: '2012-10-17', Statement: { Effect: 'Allow', Action: 's3:Get*', Resource: '*' } };
      // With the label of OpenSSL.
      const list = `${(await revocationList(authority)).replaceAll('CRL', 'X509 CRL')}\n`;
      const { directory, outcome, read } = await initialised(
        ...['--ca', 'bundle', '--ca-bundle', await workshop.write('ca.pem', authority.certificatePem), ...REQUIRED],
        ...['--certificate', await workshop.write('device.pem', device.certificatePem), '--duration', '7200'],
        ...['--permissions', await workshop.write('permissions.json', JSON.stringify(permissions))],
        ...[
          '--managed-policy',
          'arn:aws:iam::aws:policy/ReadOnlyAccess',
          '--crl',
          await workshop.write('crl.pem', list),
        ],
      );
      expect(outcome).toMatchObject({ code: 0, stderr: '' });
      const seen = await requestsOf(directory, [path.join(directory, 'create.sh')], (url) =>
        url === '/' ? CREATED_ROLE : JSON.stringify(ANSWERS[url] ?? {}),
      );
      const [anchor, role, inline, managed, profile, remove, put, crl] = seen;
      expect(seen).toHaveLength(8);
      expect(JSON.parse(anchor?.body ?? '')).toEqual({
        name: 'devices',
        enabled: true,
        source: {
          sourceType: 'CERTIFICATE_BUNDLE',
          // The shell drops the last newline.
          sourceData: { x509CertificateData: authority.certificatePem.trimEnd() },
        },
      });
      const created = new URLSearchParams(role?.body);
      expect(created.get('MaxSessionDuration')).toBe('7200');
      expect(JSON.parse(created.get('AssumeRolePolicyDocument') ?? '')).toEqual(
        JSON.parse((await read('trust-policy.json')).replace('TRUST-ANCHOR-ARN', ANCHOR)),
      );
      expect(JSON.parse(new URLSearchParams(inline?.body).get('PolicyDocument') ?? '')).toEqual(permissions);
      expect(new URLSearchParams(managed?.body).get('PolicyArn')).toBe('arn:aws:iam::aws:policy/ReadOnlyAccess');
      expect(JSON.parse(profile?.body ?? '')).toEqual({
        ...{ name: 'devices', enabled: true, roleArns: [ROLE], durationSeconds: 7200 },
      });
      const mappings = `/profiles/${PROFILE.split('/')[1] ?? ''}/mappings`;
      expect(remove?.request).toContain(`DELETE ${mappings}?`);
      expect(put?.request).toBe(`PUT ${mappings}`);
      expect(JSON.parse(put?.body ?? '')).toEqual({
        certificateField: 'x509Subject',
        mappingRules: [{ specifier: 'CN' }],
      });
      expect(JSON.parse(crl?.body ?? '')).toEqual({
        ...{ name: 'devices', enabled: true, trustAnchorArn: ANCHOR },
        crlData: Buffer.from(list).toString('base64'),
      });
      const { roles } = await loadConfig(path.join(directory, 'config.yaml'));
      expect(roles).toMatchObject([{ trustAnchorArn: ANCHOR, profileArn: PROFILE, roleArn: ROLE }]);
      expect(await readFile(path.join(directory, 'revocation-list.pem'), 'utf8')).toBe(list);
    },
    SLOWEST_MS,
  );
});
