// Runs the real `check-config` on certificates that the service may reject, and on values that are
// not paths.
import { beforeAll, expect, test } from 'vitest';
import { type Authority, makeAuthority } from '../support/pki.ts';
import { type Outcome, run } from '../support/program.ts';
import { Workshop } from '../support/workshop.ts';

let workshop: Workshop;
let root: Authority;
beforeAll(async () => {
  workshop = await Workshop.open();
  root = await makeAuthority();
  return workshop.close;
});

const ARN = 'arn:aws:rolesanywhere:eu-central-1:111122223333';
const UUID = '1b8cb8cb-0000-4000-8000-000000000000';

async function check(identity: string): Promise<Outcome> {
  const config = `identity: { ${identity} }
rolesAnywhere: { trustAnchorArn: "${ARN}:trust-anchor/${UUID}", profileArn: "${ARN}:profile/${UUID}" }
roles: [ { roleArn: "arn:aws:iam::111122223333:role/device" } ]
`;
  return run(['check-config', await workshop.write('config.yaml', config)]);
}

test('attributes that cannot be session tags are a warning each', async () => {
  const leaf = await root.issue({ subject: 'CN=John M. Smith (EMP12345),O=Acme & Co' });
  await workshop.write('device.pem', leaf.certificatePem + leaf.keyPem);
  const { code, stdout } = await check('certificate: device.pem');
  expect(code).toBe(0);
  expect(stdout).toContain('warning ATTRIBUTE_NOT_TAGGABLE: the attribute x509Subject/CN');
  expect(stdout).toContain('"Acme & Co", has "&", which no session tag can have');
});

test('serve logs one of them', async () => {
  const leaf = await root.issue({ subject: 'CN=device (1),O=Acme & Co' });
  const file = await workshop.write('tagged.pem', leaf.certificatePem + leaf.keyPem);
  const config = `identity: { certificate: ${file} }
rolesAnywhere: { trustAnchorArn: "${ARN}:trust-anchor/${UUID}", profileArn: "${ARN}:profile/${UUID}", endpoint: "http://127.0.0.1:1" }
roles: [ { roleArn: "arn:aws:iam::111122223333:role/device", imds: { listen: "127.0.0.1:0" } } ]
`;
  const program = workshop.start(['serve', await workshop.write('serve.yaml', config)]);
  await program.says(/"code":"RA_/);
  const found = program.log.filter(({ code }) => code === 'ATTRIBUTE_NOT_TAGGABLE');
  expect(found).toMatchObject([{ level: 'warn', error: expect.stringContaining('x509Subject/CN') as unknown }]);
});

test('a trust anchor without a path to it is an error at its key', async () => {
  const leaf = await root.issue();
  await workshop.write('device.pem', leaf.certificatePem + leaf.keyPem);
  await workshop.write('root.pem', root.certificatePem);
  await workshop.write('other.pem', (await makeAuthority('Other')).certificatePem);
  expect((await check('certificate: device.pem, trustAnchorBundle: root.pem')).code).toBe(0);
  const { code, stderr } = await check('certificate: device.pem, trustAnchorBundle: other.pem');
  expect(code).toBe(2);
  expect(stderr).toMatch(/identity\.trustAnchorBundle\n\s+TRUST_ANCHOR_UNREACHABLE/);
});

test.each(['tpmkey:0x81000001', 'file:///etc/k', '~/k', '${HOME}/k'])(
  '%s is reported as no path, without repeating it',
  async (value) => {
    const { code, stderr } = await check(`certificate: device.pem, privateKey: "${value}"`);
    expect(code).toBe(2);
    expect(stderr).toMatch(/identity\.privateKey\n\s+CONFIG_WRONG_VALUE: identity\.privateKey must be (?:the|a) path/);
    expect(stderr).not.toMatch(/FILE_MISSING|1234/);
  },
);
