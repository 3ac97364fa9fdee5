import { execFile } from 'node:child_process';
import { rename } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import path from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import { readCredentials, readPath } from '../support/imds-client.ts';
import { eventually, run } from '../support/program.ts';
import { onFreePort, type RunningEmulator, Workshop } from '../support/workshop.ts';

let workshop: Workshop;
let emulator: RunningEmulator;

beforeAll(async () => {
  workshop = await Workshop.open();
  emulator = await workshop.emulator();
  return workshop.close;
});

const served = async (url: string): Promise<Record<string, unknown>> =>
  eventually('credentials', 15_000, async () => {
    const { document } = await readCredentials(url);
    return document && { ...document };
  });

describe('serve', () => {
  test('serves a session from the emulator, and prints how to use it', async () => {
    const { url, program } = await workshop.daemon(onFreePort(emulator.config));
    const document = await served(url);
    expect(document).toMatchObject({ Code: 'Success', Type: 'AWS-HMAC' });
    expect(document['AccessKeyId']).toMatch(/^ASIA[A-Z2-7]{16}$/);
    expect(document['Expiration']).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    expect(program.stdout).toMatch(/^export AWS_EC2_METADATA_SERVICE_ENDPOINT=http:\/\/127\.0\.0\.1:\d+ # device\n$/);
  });

  test('an unmodified AWS SDK signs with it, and STS verifies the signature', async () => {
    const { url } = await workshop.daemon(onFreePort(emulator.config));
    await served(url);
    const script = `import { STSClient, GetCallerIdentityCommand } from '@aws-sdk/client-sts';
      console.log((await new STSClient().send(new GetCallerIdentityCommand())).Arn);`;
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script], {
      env: {
        PATH: process.env['PATH'],
        HOME: workshop.directory,
        AWS_REGION: 'us-east-1',
        AWS_EC2_METADATA_SERVICE_ENDPOINT: url,
        AWS_EC2_METADATA_V1_DISABLED: 'true',
        AWS_ENDPOINT_URL_STS: emulator.url,
      },
    });
    expect(stdout).toMatch(/^arn:aws:sts::\d{12}:assumed-role\/[\w+=,.@-]+\/[0-9a-f]+\n$/);
  });

  test('listens before there is a session: 503 with a reason in the log, then the session', async () => {
    // A port that is free now, for a service that starts later.
    const placeholder = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => placeholder.once('listening', resolve));
    const { port } = placeholder.address() as AddressInfo;
    await new Promise((resolve) => placeholder.close(resolve));

    const config = onFreePort(emulator.config).replaceAll(emulator.url, `http://127.0.0.1:${port}`);
    const { url, program } = await workshop.daemon(config);
    expect(await readCredentials(url)).toEqual({ status: 503, document: undefined });
    await eventually('the reason', 10_000, () => program.log.find(({ level }) => level === 'error'));
    expect(program.log.find(({ level }) => level === 'error')).toMatchObject({
      code: 'RA_CONNECTION_REFUSED',
      remedy: expect.any(String) as string,
    });
    workshop.start(['emulate', '--dir', emulator.directory, '--listen', `127.0.0.1:${port}`]);
    await served(url);
  });

  test('several roles, each on its own address; the token of one is not valid for another', async () => {
    const role = /roleArn: (\S+)/.exec(emulator.config)?.[1] ?? '';
    const config = emulator.config.replace(
      /roles:[^]*$/,
      `roles:
  - { name: one, roleArn: ${role}, imds: { listen: '127.0.0.1:0' } }
  - { name: two, roleArn: ${role}, imds: { listen: '127.0.0.1:0', region: us-east-1 } }
`,
    );
    const { program } = await workshop.daemon(config);
    await program.says(/# two/);
    const [one = '', two = ''] = [...program.stdout.matchAll(/=(http:\S+)/g)].map((match) => match[1] ?? '');
    const [first, second] = [await served(one), await served(two)];
    expect(first['AccessKeyId']).not.toBe(second['AccessKeyId']);
    const token = await (
      await fetch(`${one}/latest/api/token`, {
        method: 'PUT',
        headers: { 'x-aws-ec2-metadata-token-ttl-seconds': '60' },
      })
    ).text();
    const foreign = await fetch(`${two}/latest/meta-data/`, { headers: { 'x-aws-ec2-metadata-token': token } });
    expect(foreign.status).toBe(401);
    expect((await readPath(one, '/latest/meta-data/placement/region')).status).toBe(404);
    expect(await (await readPath(two, '/latest/meta-data/placement/region')).text()).toBe('us-east-1');
  });

  test('accepts the flags of aws_signing_helper serve', async () => {
    const value = (key: string): string => new RegExp(`${key}: (\\S+)`).exec(emulator.config)?.[1] ?? '';
    const program = workshop.start([
      'serve',
      ...['--certificate', value('certificate'), '--private-key', value('privateKey')],
      ...['--trust-anchor-arn', value('trustAnchorArn'), '--profile-arn', value('profileArn')],
      ...[
        '--role-arn',
        value('roleArn'),
        '--endpoint',
        emulator.url,
        '--session-duration=1800',
        '--port',
        '0',
        '--hop-limit=64',
      ],
    ]);
    const [, url = ''] = await program.says(/ENDPOINT=(http:\S+)/);
    const { Expiration: expiration } = await served(url);
    expect((Date.parse(String(expiration)) - Date.now()) / 60_000).toBeLessThanOrEqual(30);
    expect(program.log.map(({ code }) => code)).toContain('SESSION_SHORT');
  });

  test('finds a certificate file that is created later', async () => {
    const certificate = path.join(emulator.directory, 'device.pem');
    const later = path.join(workshop.directory, 'later.pem');
    const { url, program } = await workshop.daemon(onFreePort(emulator.config).replace(certificate, later));
    await eventually('the reason', 10_000, () => program.log.find(({ code }) => code !== undefined));
    expect((await readCredentials(url)).status).toBe(503);
    await rename(certificate, later);
    try {
      await served(url);
    } finally {
      await rename(later, certificate);
    }
  });

  test.each(['SIGTERM', 'SIGINT'] as const)('%s drains and exits with 0', async (signal) => {
    const { url, program } = await workshop.daemon(onFreePort(emulator.config));
    await served(url);
    expect((await program.stop(signal)).code).toBe(0);
    await expect(fetch(url)).rejects.toThrow();
  });

  test('an address in use is reported, with code 1', async () => {
    const { url } = await workshop.daemon(onFreePort(emulator.config));
    const taken = onFreePort(emulator.config).replace('127.0.0.1:0', url.replace('http://', ''));
    const outcome = await run(['serve', await workshop.write('taken.yaml', taken)]);
    expect(outcome).toMatchObject({ code: 1, stdout: '' });
    expect(outcome.stderr).toContain('ENDPOINT_ADDRESS_IN_USE');
    expect(outcome.stderr).toContain(url.replace('http://', ''));
  });

  test('the AWS environment of the host changes nothing', async () => {
    const { url } = await workshop.daemon(onFreePort(emulator.config), {
      env: {
        AWS_PROFILE: 'nope',
        AWS_ENDPOINT_URL: 'http://127.0.0.1:1',
        AWS_ENDPOINT_URL_ROLESANYWHERE: 'http://127.0.0.1:1',
        AWS_CONFIG_FILE: '/nonexistent',
        AWS_REGION: 'xx-nowhere-1',
        AWS_CA_BUNDLE: '/nonexistent',
        AWS_USE_FIPS_ENDPOINT: 'true',
        AWS_ACCESS_KEY_ID: 'AKIANOBODY',
        AWS_SECRET_ACCESS_KEY: 'nothing',
      },
    });
    expect((await served(url))['AccessKeyId']).toMatch(/^ASIA/);
  });

  test('renews in the background: the next session comes without a request', async () => {
    const brief = await workshop.emulator('--grant-seconds', '6');
    const { url } = await workshop.daemon(onFreePort(brief.config));
    const first = await served(url);
    const calls = async (): Promise<number> => {
      const counted = (await (await fetch(`${brief.url}/_emulator/calls`)).json()) as {
        createSession: { total: number };
      };
      return counted.createSession.total;
    };
    await eventually('renewals', 15_000, async () => ((await calls()) >= 3 ? true : undefined));
    expect((await served(url))['AccessKeyId']).not.toBe(first['AccessKeyId']);
  });

  test('logs no secret at the most verbose level', async () => {
    const { url, program } = await workshop.daemon(`${onFreePort(emulator.config)}\nlog: { level: debug }\n`);
    const document = await served(url);
    const { stderr, stdout } = await program.stop();
    expect(stderr).toContain('"debug"');
    for (const secret of [document['SecretAccessKey'], document['Token']]) {
      expect(stderr).not.toContain(secret);
      expect(stdout).not.toContain(secret);
    }
    expect(stderr).not.toContain('PRIVATE KEY');
  });
});
