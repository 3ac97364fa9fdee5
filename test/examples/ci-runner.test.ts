// examples/ci-runner, with the scripts and the policies that are there.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { EXAMPLE_TOOLS_NAME, hasExampleTools } from '../support/moto.ts';
import { describeWith } from '../support/tools.ts';
import { Stage } from './stage.ts';

const RUNNER = 'build-agent.prod.snowy.lan';
const PIPELINE = 'the inline policy pipeline of arn:aws:iam::111122223333:role/ci-runner';

describeWith(EXAMPLE_TOOLS_NAME, hasExampleTools(), 'the CI runner', () => {
  let stage: Stage;

  beforeAll(async () => {
    stage = await Stage.open('ci-runner', RUNNER, 'laptop.snowy.lan');
    await stage.daemon();
  }, 240_000);
  afterAll(() => stage.close());

  test('uploads, deploys, rotates, and may not read the secret: the log says why', async () => {
    const { code, output } = await stage.run('python3', ['pipeline.py']);
    expect({ code, output }).toEqual({
      code: 0,
      output: expect.stringMatching(
        /^uploaded builds\/shop-1\.zip\ndeploying \S+\nrotated shop\/database\nAn error occurred \(AccessDeniedException\) .*is not authorized to perform: secretsmanager:GetSecretValue on resource: arn:aws:secretsmanager:eu-central-1:111122223333:secret:shop\/database-\w{6} because no identity-based policy allows the secretsmanager:GetSecretValue action\n$/,
      ) as string,
    });
    const refused = stage.emulator.log.find(({ msg }) => msg === 'GetSecretValue refused');
    expect(refused?.['detail']).toMatch(
      /^secretsmanager:GetSecretValue on arn:\S+: no identity-based policy allows it/,
    );
  }, 180_000);

  test.each([
    ['s3', 'cp', 'pipeline.py', 's3://snowy-artifacts/builds/by-cli.py'],
    [
      'deploy',
      'create-deployment',
      '--application-name',
      'shop',
      '--deployment-group-name',
      'prod',
      '--s3-location',
      'bucket=snowy-artifacts,key=builds/by-cli.py,bundleType=zip',
    ],
    ['secretsmanager', 'rotate-secret', '--secret-id', 'shop/database'],
  ])(
    'the AWS CLI may: %s %s',
    async (...args) => {
      expect(await stage.run('aws', args)).toMatchObject({ code: 0 });
    },
    180_000,
  );

  test('the AWS CLI may not upload elsewhere', async () => {
    const { code, output } = await stage.run('aws', ['s3', 'cp', 'pipeline.py', 's3://snowy-artifacts/other']);
    expect(code).toBe(1);
    expect(output).toContain('s3:PutObject on resource: "arn:aws:s3:::snowy-artifacts/other"');
    const refused = stage.emulator.log.find(({ msg }) => msg === 'PutObject refused');
    expect(refused?.['detail']).toContain(
      `closest is statement 1 "UploadArtifacts" of ${PIPELINE}: Resource wanted "arn:aws:s3:::snowy-artifacts/builds/*"`,
    );
  }, 180_000);

  test('another account is reached with the external id, and with the source identity of the certificate', async () => {
    const release = ['--profile', 'release'];
    const upload = ['s3', 'cp', 'pipeline.py', 's3://snowy-releases/1.0.0'];
    expect(await stage.run('aws', [...release, ...upload])).toMatchObject({ code: 0 });
    const events = await stage.events();
    const put = events.findLast(({ eventName }) => eventName === 'PutObject');
    expect(put).toMatchObject({
      userIdentity: {
        arn: 'arn:aws:sts::444455556666:assumed-role/release/release',
        sessionContext: { sourceIdentity: `CN=${RUNNER}` },
      },
    });
    const wrong = await stage.run('aws', ['--profile', 'wrong-external-id', ...upload]);
    expect(wrong.output).toContain(
      'is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::444455556666:role/release',
    );
    const refused = stage.emulator.log.find(({ msg }) => msg === 'AssumeRole refused');
    expect(refused?.['detail']).toContain('StringEquals sts:ExternalId wanted "snowy-release-7", was "a-guess"');
  }, 180_000);

  test('a certificate with another name gets no session', async () => {
    const config = await stage.configuration((text) => text.replaceAll(RUNNER, 'laptop.snowy.lan'));
    const { code, output } = await stage.command('credential-process', '--config', config);
    expect(code).toBe(1);
    expect(output).toContain(
      'aws:PrincipalTag/x509Subject/CN wanted "build-agent.prod.snowy.lan", was "laptop.snowy.lan"',
    );
  });
});
