import { execFileSync } from 'node:child_process';
import { chmod, readdir, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { type CredentialDocument, readCredentials } from '../support/imds-client.ts';
import { eventually, type RunningProgram } from '../support/program.ts';
import { onFreePort, type RunningEmulator, Workshop } from '../support/workshop.ts';
import { throughShell } from './shell.ts';

// The real program, killed and restarted with its previous files, and on a machine without free
// resources.

let workshop: Workshop;

beforeAll(async () => {
  workshop = await Workshop.open();
  return workshop.close;
});

const CREDENTIALS = '/latest/meta-data/iam/security-credentials/';

async function newToken(url: string): Promise<string> {
  const headers = { 'x-aws-ec2-metadata-token-ttl-seconds': '21600' };
  return (await fetch(`${url}/latest/api/token`, { method: 'PUT', headers })).text();
}

async function readWith(url: string, token: string): Promise<{ status: number; accessKeyId: string | undefined }> {
  const answer = await fetch(`${url}${CREDENTIALS}device`, { headers: { 'x-aws-ec2-metadata-token': token } });
  const body = await answer.text();
  const document = answer.ok ? (JSON.parse(body) as CredentialDocument) : undefined;
  return { status: answer.status, accessKeyId: document?.AccessKeyId };
}

const served = async (url: string): Promise<CredentialDocument> =>
  eventually('credentials', 15_000, async () => (await readCredentials(url)).document);

const codesOf = ({ log }: RunningProgram): unknown[] =>
  log.map(({ code }) => code).filter((code) => code !== undefined);

let directories = 0;
/** An emulator's configuration with its own state directory. */
function withState(config: string, more = ''): { readonly config: string; readonly directory: string } {
  directories += 1;
  const directory = path.join(workshop.directory, `state-${directories}`);
  return { config: `${onFreePort(config)}\nstateDirectory: ${directory}\n${more}`, directory };
}

/** The endpoint on its previous address, where its clients look for it. */
const at = (config: string, url: string): string => config.replace('127.0.0.1:0', new URL(url).host);

async function sessionIsKept(directory: string): Promise<string> {
  return eventually('the kept session', 10_000, async () => {
    const names = await readdir(directory).catch(() => []);
    const name = names.find((each) => /^session-[0-9a-f]{32}$/.test(each));
    return name && path.join(directory, name);
  });
}

interface Before {
  readonly emulator: RunningEmulator;
  readonly config: string;
  readonly directory: string;
  readonly url: string;
  readonly token: string;
  readonly accessKeyId: string;
}

/** A daemon that had a session and issued a token, and was killed. The service is down too. */
async function killed(more?: string): Promise<Before> {
  const emulator = await workshop.emulator();
  const { config, directory } = withState(emulator.config, more);
  const { url, program } = await workshop.daemon(config);
  const { AccessKeyId: accessKeyId } = await served(url);
  const token = await newToken(url);
  await sessionIsKept(directory);
  expect((await program.stop('SIGKILL')).code).toBeNull();
  await emulator.program.stop();
  return { emulator, config: at(config, url), directory, url, token, accessKeyId };
}

describe('after kill -9, while the service cannot be reached', () => {
  test('tokens stay valid, and the stored session is served', async () => {
    const before = await killed();
    const { url, program } = await workshop.daemon(before.config);
    expect(url).toBe(before.url);
    const answers = await eventually('the session', 10_000, async () => {
      const answer = await readWith(url, before.token);
      expect(answer.status).not.toBe(401);
      return answer.status === 200 ? answer : undefined;
    });
    expect(answers.accessKeyId).toBe(before.accessKeyId);
    expect(program.log.find(({ msg }) => msg === 'role session restored')).toMatchObject({
      accessKeyId: before.accessKeyId,
    });
    // No call was needed.
    expect(codesOf(program)).toEqual([]);
  });

  test('with a stateKey, the very first request is answered without a certificate', async () => {
    const keyFile = await workshop.write('state-key', 'a-state-key-that-nobody-can-guess-0123456789\n');
    const before = await killed(`stateKey: { file: ${keyFile} }`);
    await rename(path.join(before.emulator.directory, 'device.key'), path.join(before.directory, 'elsewhere'));
    const { url } = await workshop.daemon(before.config);
    expect(await readWith(url, before.token)).toEqual({ status: 200, accessKeyId: before.accessKeyId });
  });

  test('another private key opens nothing: 503, and the log has the reason', async () => {
    const before = await killed();
    const other = await workshop.emulator();
    await other.program.stop();
    const config = before.config.replaceAll(before.emulator.directory, other.directory);
    const { url, program } = await workshop.daemon(config);
    await eventually('the reason', 10_000, () => codesOf(program).includes('RA_CONNECTION_REFUSED') || undefined);
    expect(codesOf(program)).toContain('STATE_OTHER_KEY');
    expect((await readWith(url, before.token)).status).toBe(503);
  });

  test('a role that was changed meanwhile does not get the old session', async () => {
    const before = await killed();
    const config = before.config.replace(/(roleArn: \S+)/, '$1\n    name: device\n    roleSessionName: another');
    const { url, program } = await workshop.daemon(config);
    await eventually('an attempt', 10_000, () => codesOf(program).includes('RA_CONNECTION_REFUSED') || undefined);
    expect((await readWith(url, before.token)).status).toBe(503);
  });
});

test('an orderly stop and start: no call, the same session and tokens, and a later renewal', async () => {
  const emulator = await workshop.emulator();
  const { config, directory } = withState(emulator.config);
  const first = await workshop.daemon(config);
  const { AccessKeyId: accessKeyId } = await served(first.url);
  const token = await newToken(first.url);
  expect((await first.program.stop()).code).toBe(0);
  await sessionIsKept(directory);
  for (let restart = 0; restart < 3; restart += 1) {
    const { url, program } = await workshop.daemon(at(config, first.url));
    expect((await served(url)).AccessKeyId).toBe(accessKeyId);
    expect(await readWith(url, token)).toEqual({ status: 200, accessKeyId });
    await program.stop();
  }
  const calls = (await (await fetch(`${emulator.url}/_emulator/calls`)).json()) as { createSession: { total: number } };
  expect(calls.createSession.total).toBe(1);
});

test('killed repeatedly during grants and writes: every start serves a stored or a new session', async () => {
  const emulator = await workshop.emulator('--grant-seconds', '2');
  const { config, directory } = withState(emulator.config);
  for (let round = 0; round < 6; round += 1) {
    const { url, program } = await workshop.daemon(config);
    expect(Date.parse((await served(url)).Expiration)).toBeGreaterThan(Date.now() - 1_000);
    await new Promise((resolve) => setTimeout(resolve, 130 * round));
    await program.stop('SIGKILL');
    expect(codesOf(program).filter((code) => String(code).startsWith('STATE_'))).toEqual([]);
  }
  const names = await readdir(directory);
  expect(names.filter((name) => !name.endsWith('.tmp'))).toHaveLength(2);
});

test('a damaged file is reported and replaced', async () => {
  const emulator = await workshop.emulator();
  const { config, directory } = withState(emulator.config);
  const first = await workshop.daemon(config);
  const { AccessKeyId: before } = await served(first.url);
  await first.program.stop();
  const file = await sessionIsKept(directory);
  await writeFile(file, 'torn');
  await writeFile(path.join(directory, 'metadata-token-key'), 'torn');

  const { url, program } = await workshop.daemon(config);
  const { AccessKeyId: next } = await served(url);
  expect(next).not.toBe(before);
  expect(codesOf(program)).toEqual(expect.arrayContaining(['STATE_DAMAGED']));
  await eventually('the end of it', 10_000, () => program.log.find(({ msg }) => msg === 'state is stored again'));
  await program.stop();
  const last = await workshop.daemon(config);
  expect((await served(last.url)).AccessKeyId).toBe(next);
});

test('clients do not notice a state directory that disappears, or that others can write to', async () => {
  const emulator = await workshop.emulator('--grant-seconds', '4');
  const { config, directory } = withState(emulator.config);
  const { url, program } = await workshop.daemon(config);
  await served(url);
  await rm(await sessionIsKept(directory));
  await rm(directory, { recursive: true });
  // Created again with the next grant.
  await sessionIsKept(directory);
  await chmod(directory, 0o777);
  await eventually('a warning', 10_000, () => codesOf(program).includes('STATE_EXPOSED') || undefined);
  for (let grants = 0; grants < 2; grants += 1) {
    const { AccessKeyId: previous } = await served(url);
    await eventually('the next session', 15_000, async () => (await served(url)).AccessKeyId !== previous || undefined);
  }
  expect(codesOf(program).filter((code) => code === 'STATE_EXPOSED')).toHaveLength(1);
});

async function endpointOf(program: RunningProgram): Promise<string> {
  const [, url = ''] = await program.says(/AWS_EC2_METADATA_SERVICE_ENDPOINT=(http:\S+)/);
  return url;
}

/** A user and mount namespace, in which any user may mount. Containers often forbid it. */
const NAMESPACE = 'unshare --user --map-root-user --mount';

function canMount(): boolean {
  try {
    execFileSync('/bin/sh', ['-c', `${NAMESPACE} mount -t tmpfs tmpfs /mnt`], { stdio: 'ignore' });
    return true;
  } catch {
    process.stderr.write(
      'left out: full and read-only file systems: this machine does not allow mounts in a namespace\n',
    );
    return false;
  }
}

describe.runIf(canMount())('on its own file system', () => {
  const DISKS = [
    {
      title: 'that is full',
      options: 'size=4k',
      spoil: 'head -c 4096 /dev/zero > "$D/x"',
      repair: 'rm "$D/x"',
      reason: 'ENOSPC',
    },
    {
      title: 'without an inode left',
      options: 'nr_inodes=2',
      spoil: 'touch "$D/x"',
      repair: 'rm "$D/x"; mount -o remount,nr_inodes=9 "$D"',
      reason: 'ENOSPC',
    },
    {
      title: 'that is read-only',
      options: 'size=1m',
      spoil: 'mount -o remount,ro "$D"',
      repair: 'mount -o remount,rw "$D"',
      reason: 'EROFS',
    },
  ];

  test.each(DISKS)(
    '$title: served, logged once, and stored again when it works',
    async ({ options, spoil, repair, reason }) => {
      const emulator = await workshop.emulator('--grant-seconds', '5');
      const { config, directory } = withState(emulator.config);
      const file = await workshop.write(`disk-${directories}.yaml`, config);
      // The script that fixes the mount runs in the same namespace, and waits at most thirty
      // seconds for a file outside.
      const repairing = `(for i in $(seq 300); do [ -e "$D.repair" ] && break; sleep 0.1; done; ${repair}) > /dev/null 2>&1 &`;
      const mounts = `mkdir -p "$D"; mount -t tmpfs -o ${options},mode=0700 tmpfs "$D"; ${spoil}; ${repairing}`;
      const script = `export D=${directory}; exec ${NAMESPACE} sh -ec '${mounts} exec "$@"' sh "$@"`;
      const program = throughShell(script, ['serve', file]);
      const url = await endpointOf(program);
      await served(url);
      const line = await eventually('a warning', 10_000, () =>
        program.log.find(({ code }) => code === 'STATE_NOT_WRITTEN'),
      );
      expect(line['error']).toContain(reason);
      expect(line['error']).toContain(directory);
      const first = await served(url);
      await eventually(
        'a renewal',
        10_000,
        async () => (await served(url)).AccessKeyId !== first.AccessKeyId || undefined,
      );
      expect(codesOf(program).filter((code) => code === 'STATE_NOT_WRITTEN')).toHaveLength(1);
      await writeFile(`${directory}.repair`, '');
      await eventually('the end of it', 15_000, () => program.log.find(({ msg }) => msg === 'state is stored again'));
      expect((await program.stop()).code).toBe(0);
    },
  );
});

test('a used port is reported with the process that has it', async () => {
  const emulator = await workshop.emulator();
  const { url, program } = await workshop.daemon(onFreePort(emulator.config));
  const file = await workshop.write('taken-port.yaml', at(onFreePort(emulator.config), url));
  const second = workshop.start(['serve', file]);
  const { code, stderr } = await second.ended;
  expect(code).toBe(1);
  expect(stderr).toContain(`ENDPOINT_ADDRESS_IN_USE: role device cannot listen on ${new URL(url).host}: process `);
  expect(stderr).toContain(`process ${program.pid} (`);
});
