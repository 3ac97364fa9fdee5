import { createPrivateKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import path from 'node:path';
import { beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { readCredentials } from '../support/imds-client.ts';
import { eventually, run, type RunningProgram } from '../support/program.ts';
import { RawConnection } from '../support/raw-http.ts';
import { onFreePort, type RunningEmulator, Workshop } from '../support/workshop.ts';
import { MarkedSecrets } from './marked-secrets.ts';
import { throughShell } from './shell.ts';

// Feeds marked secrets to the real program in every way it accepts, in success and failure. Then
// searches all of its output for them. Intended output is exempt: the document on a credentials
// path, and the token for the client that asked for it.

const mark = (what: string): string => `marked-${what}-${randomBytes(12).toString('hex')}`;

const PASSPHRASE = mark('passphrase');
const STATE_KEY = mark('state-key-of-thirty-two-characters');
const PROXY_PASSWORD = mark('proxy-password');
const ACCESS_KEY = mark('secret/access+key');
const SESSION_TOKEN = mark('session+token/==');

let workshop: Workshop;
let emulator: RunningEmulator;
let secrets: MarkedSecrets;
let keyFile: string;
let passphraseFile: string;

beforeAll(async () => {
  workshop = await Workshop.open();
  emulator = await workshop.emulator('--grant-seconds', '6');
  const key = createPrivateKey(await readFile(path.join(emulator.directory, 'device.key')));
  const encrypted = key.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: PASSPHRASE });
  keyFile = await workshop.write('encrypted.key', encrypted.toString());
  passphraseFile = await workshop.write('passphrase', `${PASSPHRASE}\n`);
  secrets = new MarkedSecrets();
  secrets.addKey('private key', key);
  secrets.add('passphrase', PASSPHRASE);
  secrets.add('state key', STATE_KEY);
  secrets.add('proxy password', PROXY_PASSWORD);
  secrets.add('secret access key', ACCESS_KEY);
  secrets.add('session token', SESSION_TOKEN);
  return workshop.close;
});

beforeEach(async () => {
  await fault({ credentials: MARKED });
});

const MARKED = { secretAccessKey: ACCESS_KEY, sessionToken: SESSION_TOKEN };

async function fault(createSession: Record<string, unknown>): Promise<void> {
  const answer = await fetch(`${emulator.url}/_emulator/faults`, {
    method: 'PUT',
    body: JSON.stringify({ createSession }),
  });
  expect(answer.status).toBeLessThan(300);
}

const value = (key: string): string => new RegExp(`${key}: (\\S+)`).exec(emulator.config)?.[1] ?? '';

/** With an encrypted key, a state directory, and the most verbose log. */
function configuration(state: string, more = ''): string {
  const identity = `privateKey: ${keyFile}\n  passphrase: { file: ${passphraseFile} }`;
  const base = onFreePort(emulator.config).replace(/privateKey: \S+/, identity);
  return `${base}\nstateDirectory: ${path.join(workshop.directory, state)}\nlog: { level: debug }\n${more}`;
}

/**
 * Enough for a busy machine: an expired session is renewed with the next try, after 15 s, and files
 * are checked every 30 s.
 */
const PATIENCE_MS = 60_000;

const served = async (url: string): Promise<Record<string, unknown>> =>
  eventually('credentials', PATIENCE_MS, async () => {
    const { document } = await readCredentials(url);
    return document && { ...document };
  });

const logged = (program: RunningProgram, code: string): Promise<unknown> =>
  eventually(code, PATIENCE_MS, () => program.log.find((line) => line['code'] === code));

async function newToken(url: string): Promise<string> {
  const headers = { 'x-aws-ec2-metadata-token-ttl-seconds': '600' };
  const token = await (await fetch(`${url}/latest/api/token`, { method: 'PUT', headers })).text();
  expect(token).toHaveLength(56);
  secrets.add('metadata token', token);
  return token;
}

function expectNothingIn(where: string, content: string | Buffer): void {
  expect(`${where}: ${secrets.foundIn(content).join(', ')}`).toBe(`${where}: `);
}

/** Everything that others can see of a running process. */
async function expectNothingShownBy({ pid }: RunningProgram): Promise<void> {
  for (const file of ['cmdline', 'comm', 'status'])
    expectNothingIn(file, await readFile(`/proc/${pid}/${file}`).catch(() => ''));
}

async function expectNothingToldBy(program: RunningProgram, signal?: NodeJS.Signals): Promise<void> {
  const { stdout, stderr } = await program.stop(signal);
  expectNothingIn('standard output', stdout);
  expectNothingIn('standard error', stderr);
}

async function expectNothingKeptIn(state: string): Promise<void> {
  const directory = path.join(workshop.directory, state);
  const names = await readdir(directory);
  expect(names.length).toBeGreaterThan(1);
  for (const name of names) expectNothingIn(name, await readFile(path.join(directory, name)));
}

/** Requests that are rejected, each with a valid token and more secrets in wrong places. */
function badRequests(host: string, token: string): string[] {
  const withToken = `Host: ${host}\r\nX-aws-ec2-metadata-token: ${token}\r\n`;
  const role = '/latest/meta-data/iam/security-credentials/device';
  return [
    `GET ${role} HTTP/1.1\r\nHost: ${host}\r\nX-aws-ec2-metadata-token: ${token}x\r\n\r\n`,
    `GET ${role} HTTP/1.1\r\nHost: ${host}\r\nX-aws-ec2-metadata-token: ${token}\r\nX-aws-ec2-metadata-token: ${token}\r\n\r\n`,
    `GET ${role} HTTP/1.1\r\nHost: evil.example\r\nX-aws-ec2-metadata-token: ${token}\r\n\r\n`,
    `GET ${role} HTTP/1.1\r\n${withToken}Origin: http://evil.example\r\n\r\n`,
    `GET ${role}x HTTP/1.1\r\n${withToken}\r\n`,
    `GET /latest/../../etc/passwd HTTP/1.1\r\n${withToken}\r\n`,
    `DELETE ${role} HTTP/1.1\r\n${withToken}\r\n`,
    `POST ${role} HTTP/1.1\r\n${withToken}Content-Length: ${token.length}\r\n\r\n${token}`,
    `PUT /latest/api/token HTTP/1.1\r\nHost: ${host}\r\nX-aws-ec2-metadata-token-ttl-seconds: ${token}\r\n\r\n`,
    `GET ${role} HTTP/1.1\r\n${withToken}X-Big: ${token.repeat(500)}\r\n\r\n`,
    `${token} HTTP/1.1\r\n${withToken}\r\n`,
    `GET ${role} HTTP/1.1\r\n${withToken}${token} \r\n\r\n`,
  ];
}

describe('marked secrets', () => {
  test('are found in every spelling, so that the tests below can fail', () => {
    const sample = new MarkedSecrets();
    sample.add('secret', 'marked-secret/with+signs');
    const bytes = Buffer.from('marked-secret/with+signs');
    const spellings = [bytes.toString(), bytes.toString('hex').toUpperCase(), encodeURIComponent(bytes.toString())];
    for (const around of ['', 'x', 'xy']) {
      const longer = Buffer.from(`${around}${bytes.toString()}z`);
      spellings.push(longer.toString('base64'), longer.toString('base64url'));
    }
    for (const spelling of spellings) expect(sample.foundIn(`before ${spelling} after`)).toEqual(['secret']);
    expect(sample.foundIn('before marked-secret after')).toEqual([]);
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    sample.addKey('key', privateKey);
    const pem = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
    for (const line of pem.split('\n').slice(1, 3)) expect(sample.foundIn(`x${line}x`)).toEqual(['key']);
    expect(sample.foundIn(privateKey.export({ format: 'der', type: 'sec1' }))).toEqual(['key']);
  });

  test('stay inside in success and failure: grants, renewals, rejected requests, damaged files, useless answers', async () => {
    const state = await workshop.write('state-key', `${STATE_KEY}\n`);
    const file = configuration('state-1', `stateKey: { file: ${state} }`);
    const { url, program } = await workshop.daemon(file);
    expect(await served(url)).toMatchObject({ SecretAccessKey: ACCESS_KEY, Token: SESSION_TOKEN });
    const token = await newToken(url);
    await expectNothingShownBy(program);

    const { port, host } = new URL(url);
    for (const bytes of badRequests(host, token)) {
      const connection = await RawConnection.open(Number(port));
      connection.send(bytes);
      const { status, head, body } = await connection.read();
      expect(status).toBeGreaterThanOrEqual(400);
      expectNothingIn(`answer ${status}`, head + body);
      connection.destroy();
    }

    const whole = await readFile(keyFile, 'utf8');
    for (const damaged of [whole.slice(0, whole.length / 2), whole.replace('MII', 'AAA'), PASSPHRASE, '']) {
      await workshop.write('encrypted.key', damaged);
      await new Promise((resolve) => setTimeout(resolve, 400));
    }
    await workshop.write('encrypted.key', whole);
    await workshop.write('passphrase', `${PASSPHRASE}-that-is-wrong`);
    await logged(program, 'PASSPHRASE_WRONG');
    await workshop.write('passphrase', PASSPHRASE);

    const useless = [
      { credentials: { ...MARKED, accessKeyId: null } },
      { credentials: { ...MARKED, expiration: '2001-01-01T00:00:00Z' } },
      { credentials: { ...MARKED, secretAccessKey: `${ACCESS_KEY}\n` } },
      { body: `${SESSION_TOKEN} is not JSON` },
      { status: 503, message: 'out of order' },
      { reset: true },
    ];
    for (const each of useless) {
      const lines = program.log.length;
      await fault(each);
      await eventually('an attempt', PATIENCE_MS, () =>
        program.log.slice(lines).some(({ msg }) => String(msg).startsWith('could not get a role session'))
          ? true
          : undefined,
      );
    }
    await fault({ credentials: MARKED });
    await served(url);
    expect(program.log.filter(({ msg }) => msg === 'role session granted').length).toBeGreaterThan(1);
    await expectNothingToldBy(program);
    await expectNothingKeptIn('state-1');
  }, 240_000);

  test('stay inside across restarts, sealed with the private key', async () => {
    const config = configuration('state-2');
    for (const signal of ['SIGTERM', 'SIGKILL', 'SIGTERM'] as const) {
      const { url, program } = await workshop.daemon(config);
      await served(url);
      await expectNothingToldBy(program, signal);
      await expectNothingKeptIn('state-2');
    }
  });

  test('stay inside with a proxy, even if libraries are asked to log', async () => {
    const answers = [
      'HTTP/1.1 407 Proxy Authentication Required\r\n\r\n',
      'HTTP/1.1 502 Bad Gateway\r\n\r\n',
      'nonsense',
    ];
    let asked = '';
    const proxy = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', (head) => {
        asked += head.toString();
        socket.end(answers.shift() ?? '');
      });
    }).listen(0, '127.0.0.1');
    onTestFinished(() => void proxy.close());
    await new Promise((resolve) => proxy.once('listening', resolve));
    const { port } = proxy.address() as AddressInfo;
    const config = configuration('state-3').replaceAll(emulator.url, 'https://service.example');
    const userInfo = `user:${encodeURIComponent(PROXY_PASSWORD)}`;
    for (const url of [
      `http://${userInfo}@127.0.0.1:${port}`,
      `http://${userInfo}@127.0.0.1:1`,
      `ftp://${userInfo}@x`,
    ]) {
      const { program } = await workshop.daemon(config, { env: { HTTPS_PROXY: url, DEBUG: '*' } });
      await eventually('two attempts', 30_000, () =>
        program.log.filter(({ msg }) => String(msg).startsWith('could not get a role session')).length > 1
          ? true
          : undefined,
      );
      await expectNothingShownBy(program);
      await expectNothingToldBy(program);
    }
    // It was used for its purpose.
    const sent = Buffer.from(/authorization: basic (\S+)/i.exec(asked)?.[1] ?? '', 'base64').toString();
    expect(sent).toBe(`user:${PROXY_PASSWORD}`);
  }, 90_000);
});

describe('a failing command prints no secret', () => {
  const CASES: Readonly<Record<string, () => Promise<readonly string[]>>> = {
    'a passphrase on the command line': () =>
      Promise.resolve(['serve', '--certificate', 'x', '--pkcs8-password', PASSPHRASE]),
    'the wrong passphrase': async () => {
      const wrong = await workshop.write('wrong', `${PASSPHRASE}-that-is-wrong`);
      return ['check-config', await workshop.write('a.yaml', configuration('s').replace(passphraseFile, wrong))];
    },
    'no passphrase': async () => {
      const config = configuration('s').replace(/passphrase: .*/, '');
      return ['check-config', await workshop.write('b.yaml', config)];
    },
    'a passphrase in place of its source': async () => {
      const config = configuration('s').replace(/passphrase: .*/, `passphrase: ${PASSPHRASE}`);
      return ['check-config', await workshop.write('c.yaml', config)];
    },
    'a passphrase under a key that is not there': async () => {
      const config = configuration('s').replace(/passphrase: .*/, `passphrase: { value: ${PASSPHRASE} }`);
      return ['check-config', await workshop.write('d.yaml', config)];
    },
    'a passphrase in place of the variable that has it': async () => {
      const config = configuration('s').replace(/passphrase: .*/, `passphrase: { environment: ${PASSPHRASE} }`);
      return ['check-config', await workshop.write('i.yaml', config)];
    },
    'a key in place of its path': async () => {
      const key = await readFile(value('privateKey'), 'utf8');
      const config = configuration('s').replace(/privateKey: .*/, `privateKey: ${JSON.stringify(key)}`);
      return ['check-config', await workshop.write('j.yaml', config)];
    },
    'a key in place of its path, on a command line': async () => {
      const key = await readFile(value('privateKey'), 'utf8');
      const arns = ['--trust-anchor-arn', value('trustAnchorArn'), '--profile-arn', value('profileArn')];
      return ['serve', '--certificate', 'x', `--private-key=${key}`, ...arns, '--role-arn', value('roleArn')];
    },
    'the key in place of the certificate': async () => {
      const config = onFreePort(emulator.config).replace(/certificate: \S+/, `certificate: ${value('privateKey')}`);
      return ['check-config', await workshop.write('e.yaml', config)];
    },
    'a configuration that is the key': () => Promise.resolve(['check-config', value('privateKey')]),
    'a CA bundle that is the key': async () => {
      const config = emulator.config.replace('rolesAnywhere:', `rolesAnywhere:\n  caBundle: ${value('privateKey')}`);
      const elsewhere = config.replaceAll(emulator.url, 'https://127.0.0.1:1');
      return ['credential-process', '--no-cache', '--config', await workshop.write('f.yaml', elsewhere)];
    },
    'a session that is useless': async () => {
      await fault({ credentials: { ...MARKED, expiration: 'never' } });
      return ['credential-process', '--no-cache', '--config', await workshop.write('g.yaml', configuration('s'))];
    },
  };

  test.each(Object.entries(CASES))('%s', async (_title, args) => {
    const { code, stdout, stderr } = await run(await args());
    expect(code).toBeGreaterThan(0);
    expect(stderr).toMatch(/imds-anywhere: [A-Z_]+: /);
    expectNothingIn('standard output', stdout);
    expectNothingIn('standard error', stderr);
  });

  test('a passphrase next to a mistake in the YAML', async () => {
    const file = await workshop.write('k.yaml', `identity:\n  passphrase: [${PASSPHRASE}\n  a: b\n`);
    const { code, stdout, stderr } = await run(['check-config', file]);
    expect(code).toBe(2);
    expectNothingIn('what it says', stdout + stderr);
  });

  test('check-config of a valid configuration', async () => {
    const { code, stdout, stderr } = await run(['check-config', await workshop.write('h.yaml', configuration('s'))]);
    expect(code).toBe(0);
    expectNothingIn('what it says', stdout + stderr);
  });
});

describe('doctor prints no secret, and none is in its bundle', () => {
  const secretEnvironment = {
    HTTPS_PROXY: `http://user:${PROXY_PASSWORD}@127.0.0.1:1`,
    AWS_SECRET_ACCESS_KEY: ACCESS_KEY,
    AWS_SESSION_TOKEN: SESSION_TOKEN,
    AWS_CONTAINER_AUTHORIZATION_TOKEN: SESSION_TOKEN,
  };
  const CASES: Readonly<Record<string, () => string | Promise<string>>> = {
    'a valid configuration': () => configuration('s'),
    'a proxy that refuses': () => configuration('s').replaceAll(emulator.url, 'https://service.example'),
    'an external id and arguments of programs': () =>
      configuration('s')
        .replace('identity:', `identity:\n  renew: { command: [/bin/true, ${PASSPHRASE}] }`)
        .replace(/^( {2}- roleArn: .*)$/m, `$1\n    assume: { endpoint: ${emulator.url}, externalId: ${PASSPHRASE} }`),
    'the wrong passphrase': async () =>
      configuration('s').replace(passphraseFile, await workshop.write('wrong', `${PASSPHRASE}-that-is-wrong`)),
    'a passphrase in place of its source': () =>
      configuration('s').replace(/passphrase: .*/, `passphrase: ${PASSPHRASE}`),
    'a passphrase next to a mistake in the YAML': () => `identity:\n  passphrase: [${PASSPHRASE}\n  a: b\n`,
    'a key in place of its path': async () => {
      const key = await readFile(value('privateKey'), 'utf8');
      return configuration('s').replace(/privateKey: .*/, `privateKey: ${JSON.stringify(key)}`);
    },
  };

  test.each(Object.entries(CASES))('%s', async (title, config) => {
    const name = title.replaceAll(/\W+/g, '-');
    const bundle = path.join(workshop.directory, `${name}.bundle`);
    const file = await workshop.write(`${name}.yaml`, await config());
    const { stdout, stderr } = await run(['doctor', file, '--bundle', bundle], { env: secretEnvironment });
    expect(stdout).toMatch(/^(?:ok|FAILED) /);
    expectNothingIn('what it says', stdout + stderr);
    const written = await readFile(bundle, 'utf8');
    expect(written).toContain('"AWS_SECRET_ACCESS_KEY": "set"');
    expectNothingIn('bundle', written);
  });
});

describe('a crash prints no secret', () => {
  /**
   * Runs a line of JavaScript in the daemon's process before its own code. The system forbids core
   * files.
   */
  async function crashing(
    script: string,
    state: string,
    options = '',
  ): Promise<{ readonly program: RunningProgram; readonly url: string }> {
    const file = await workshop.write(`${state}.yaml`, configuration(state));
    const preload = await workshop.write(`${state}.mjs`, script);
    const program = throughShell('ulimit -c 0; exec "$@"', ['serve', file], {
      cwd: workshop.directory,
      env: { NODE_OPTIONS: `--import ${preload} ${options}` },
    });
    const [, url = ''] = await program.says(/AWS_EC2_METADATA_SERVICE_ENDPOINT=(http:\S+)/);
    return { program, url };
  }

  /**
   * Triggered by a signal that has no meaning for the daemon. With a timer, a slow machine would
   * crash before it serves.
   */
  const ON_SIGNAL = (body: string): string => `
    import { isMainThread } from 'node:worker_threads';
    if (isMainThread) process.once('SIGWINCH', () => { ${body} });`;

  test.each(['SIGABRT', 'SIGSEGV', 'SIGQUIT'] as const)('by %s', async (signal) => {
    const { program, url } = await crashing('', `crash-${signal}`);
    await served(url);
    await newToken(url);
    const { code } = await program.stop(signal);
    expect(code).toBeNull();
    await expectNothingToldBy(program);
  });

  test('by exhausted memory', async () => {
    const hoard = 'const all = []; for (;;) all.push(new Array(1e4).fill(Math.random()));';
    const { program, url } = await crashing(ON_SIGNAL(hoard), 'crash-memory', '--max-old-space-size=48');
    await served(url);
    process.kill(program.pid, 'SIGWINCH');
    const { code, stderr } = await program.ended;
    expect(code).not.toBe(0);
    expect(stderr).toContain('heap');
    await expectNothingToldBy(program);
  });

  test('by an uncaught error: it continues, and logs it', async () => {
    const thrown = "Promise.reject(new Error('from nowhere')); throw new TypeError('out of the blue');";
    const { program, url } = await crashing(ON_SIGNAL(thrown), 'crash-uncaught');
    await served(url);
    process.kill(program.pid, 'SIGWINCH');
    await eventually('both', 15_000, () =>
      program.log.filter(({ msg }) => msg === 'unexpected error').length > 1 ? true : undefined,
    );
    await served(url);
    await expectNothingToldBy(program);
  });
});
