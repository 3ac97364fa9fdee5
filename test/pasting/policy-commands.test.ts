import { beforeAll, expect, test } from 'vitest';
import { hasAwsCli, requestsOf } from '../support/aws-cli.ts';
import { makeAuthority } from '../support/pki.ts';
import { run } from '../support/program.ts';
import { describeWith } from '../support/tools.ts';
import { Workshop } from '../support/workshop.ts';

// The command lines that `policy show` prints, run unchanged by a shell with the real AWS CLI. A local server shows
// what reaches AWS.

const PROFILE_ID = '66666666-7777-8888-9999-000000000000';
const PREFIX = 'arn:aws:rolesanywhere:eu-central-1:111122223333';

let workshop: Workshop;
beforeAll(async () => {
  workshop = await Workshop.open();
  return workshop.close;
});

interface ShownCommands {
  readonly commands: Readonly<Record<'mapping' | 'role' | 'profile', readonly string[]>>;
  readonly trust: { readonly document: unknown };
}

/** Six starts of the CLI, on a busy machine. */
const SLOWEST_MS = 180_000;

describeWith('AWS CLI', hasAwsCli, 'the AWS CLI', () => {
  test(
    'sends what the command lines of policy show mean',
    async () => {
      const device = await (await makeAuthority()).issue({ subject: 'CN=device-0001,O=Example (Test)' });
      const certificate = await workshop.write('device.pem', device.certificatePem);
      const shown = async (...args: string[]): Promise<ShownCommands> => {
        const { stdout } = await run(['policy', 'show', certificate, '--json', ...args]);
        return JSON.parse(stdout) as ShownCommands;
      };
      const role = ['--role-arn', 'arn:aws:iam::111122223333:role/fleet/device'];
      const anchor = ['--trust-anchor-arn', `${PREFIX}:trust-anchor/11111111-2222-3333-4444-555555555555`];
      const known = await shown(...role, ...anchor, '--profile-arn', `${PREFIX}:profile/${PROFILE_ID}`);
      const { commands } = await shown(...role, ...anchor);
      await workshop.write('trust.json', JSON.stringify(known.trust.document));
      const lines = [...known.commands.mapping, ...known.commands.role, ...known.commands.profile, ...commands.profile];
      const [remove, put, trust, get, create, ...more] = await requestsOf(
        workshop.directory,
        ['-ec', ['cd "$HOME"', 'export AWS_REGION=eu-central-1', ...lines].join('\n')],
        (url) => (url === '/' ? '<Response/>' : '{}'),
      );
      expect(more).toEqual([]);
      expect(remove?.request).toMatch(/^DELETE \/profiles\/[0-9-]+\/mappings\?/);
      expect(new URL(`http://x${remove?.request.split(' ')[1] ?? ''}`).searchParams.get('specifiers')).toBe('*');
      expect(put?.request).toBe(`PUT /profiles/${PROFILE_ID}/mappings`);
      expect(JSON.parse(put?.body ?? '')).toEqual({
        certificateField: 'x509Subject',
        mappingRules: [{ specifier: 'CN' }],
      });
      const form = new URLSearchParams(trust?.body);
      expect([form.get('Action'), form.get('RoleName')]).toEqual(['UpdateAssumeRolePolicy', 'device']);
      expect(JSON.parse(form.get('PolicyDocument') ?? '')).toEqual(known.trust.document);
      expect(get?.request).toBe(`GET /profile/${PROFILE_ID}`);
      expect(JSON.parse(create?.body ?? '')).toMatchObject({ enabled: true, roleArns: [role[1]] });
    },
    SLOWEST_MS,
  );
});
