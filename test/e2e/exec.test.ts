import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, describe, expect, it, test } from 'vitest';
import { eventually, type Outcome, PROGRAM, run, type RunningProgram } from '../support/program.ts';
import { describeWith, hasTool } from '../support/tools.ts';
import { type RunningEmulator, Workshop } from '../support/workshop.ts';

let workshop: Workshop;
let emulator: RunningEmulator;
let config: string;
/** Its sessions expire after seconds. */
let short: string;

const PATIENCE_MS = 30_000;

beforeAll(async () => {
  workshop = await Workshop.open();
  emulator = await workshop.emulator();
  config = await workshop.write('config.yaml', emulator.config);
  short = await workshop.write('short.yaml', (await workshop.emulator('--grant-seconds', '6')).config);
  return workshop.close;
});

/** A shell script under `exec`. */
const shell = (script: string, ...flags: readonly string[]): Promise<Outcome> =>
  run(['exec', '--config', config, ...flags, '--', 'sh', '-c', script], { env: { HOME: workshop.directory } });

const ASK = `curl -sS -H "Authorization: $AWS_CONTAINER_AUTHORIZATION_TOKEN" "$AWS_CONTAINER_CREDENTIALS_FULL_URI"`;

/** Variables that a program under `exec` has written to a file, after which it runs on. */
async function startedWith(flags: readonly string[], script: string): Promise<[RunningProgram, string]> {
  const file = path.join(workshop.directory, `started-${Math.random()}`);
  const ready = `echo "$$ $AWS_CONTAINER_CREDENTIALS_FULL_URI $AWS_CONTAINER_AUTHORIZATION_TOKEN" > ${file}.new`;
  const program = workshop.start(
    ['exec', ...flags, '--', 'sh', '-c', `${script}\n${ready}; mv ${file}.new ${file}; while :; do sleep 0.1; done`],
    { env: { HOME: workshop.directory } },
  );
  const text = await eventually(`a start: ${program.stderr}`, PATIENCE_MS, () =>
    readFile(file, 'utf8').catch(() => undefined),
  );
  return [program, text.trim()];
}

async function read(url: string, token: string): Promise<{ status: number; body: string }> {
  const answer = await fetch(url, { headers: { authorization: token } });
  return { status: answer.status, body: await answer.text() };
}

describe('the endpoint', () => {
  test('answers only requests with the token', async () => {
    const { stdout, stderr, code } = await shell(`${ASK}; echo; AWS_CONTAINER_AUTHORIZATION_TOKEN=x; ${ASK}`);
    expect([code, stderr]).toEqual([0, '']);
    const [granted = '', refused = ''] = stdout.split('\n');
    expect(JSON.parse(granted)).toMatchObject({ RoleArn: expect.stringMatching(/:role\/device$/) as unknown });
    expect(JSON.parse(refused)).toMatchObject({ code: 'InvalidToken' });
  });

  test('is renewed while the program runs', async () => {
    const [program, started] = await startedWith(['--config', short], '');
    const [, url = '', token = ''] = started.split(' ');
    const key = async (): Promise<string> =>
      (JSON.parse((await read(url, token)).body) as { AccessKeyId: string }).AccessKeyId;
    const first = await key();
    await eventually('another session', PATIENCE_MS, async () => ((await key()) === first ? undefined : true));
    expect((await program.stop()).code).toBe(143);
  });

  test('ends with the process, also if it is killed', async () => {
    const [program, started] = await startedWith(['--config', config], '');
    const [pid, url = '', token = ''] = started.split(' ');
    expect((await read(url, token)).status).toBe(200);
    process.kill(program.pid, 'SIGKILL');
    await eventually('no answer', PATIENCE_MS, () =>
      read(url, token).then(
        () => undefined,
        () => true,
      ),
    );
    process.kill(Number(pid), 'SIGKILL');
    expect(emulator.program.stdout).not.toContain(token);
  });

  test('gets its sessions from a daemon', async () => {
    const socket = path.join(workshop.directory, 'run', 'daemon.sock');
    await workshop.daemon(
      `${emulator.config.replace(/^( {2}- roleArn: .*)$/m, '$1\n    imds: { listen: "127.0.0.1:0" }')}\nsocket: { path: ${socket} }\n`,
    );
    await eventually('the socket', PATIENCE_MS, () => existsSync(socket) || undefined);
    const through = (): Promise<Outcome> =>
      run(['exec', '--socket', socket, '--', 'sh', '-c', ASK], { env: { HOME: workshop.directory } });
    const outcome = await eventually('a session', PATIENCE_MS, async () => {
      const ended = await through();
      return ended.code === 0 ? ended : undefined;
    });
    expect(outcome.stdout).toMatch(/"RoleArn":"[^"]*:role\/device","AccessKeyId":"ASIA/);
    // The same session, so the daemon made the only call.
    expect((await through()).stdout).toBe(outcome.stdout);
  });
});

describe('--env', () => {
  test('puts the keys into the environment, and nothing else', async () => {
    const { stdout, stderr } = await shell('env | grep ^AWS_ | cut -d= -f1 | sort', '--env');
    expect([stdout.split('\n').filter(Boolean), stderr]).toEqual([
      ['AWS_ACCESS_KEY_ID', 'AWS_CREDENTIAL_EXPIRATION', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN'],
      '',
    ]);
  });

  test('warns when the keys expire before the program ends', async () => {
    const program = workshop.start(['exec', '--env', '--config', short, '--', 'sleep', '600'], {
      env: { HOME: workshop.directory },
    });
    await program.says(/warning PROGRAM_KEYS_EXPIRED: the keys in the environment of the program expired at /);
    await program.stop();
  });
});

describe('the exit code', () => {
  it.each([
    ['of the program', 'exit 7', 7],
    ['of a signal', 'kill -KILL $$', 137],
    ['of another signal', 'kill -HUP $$', 129],
  ])('%s', async (_, script, code) => {
    expect(await shell(script)).toEqual({ code, stdout: '', stderr: '' });
  });

  it.each([
    ['nonexistent-program', 127, 'PROGRAM_NOT_FOUND'],
    ['/etc/passwd', 126, 'PROGRAM_NOT_STARTED'],
  ])('without the program %s: %i', async (program, code, reason) => {
    const outcome = await run(['exec', '--config', config, '--', program]);
    expect(outcome).toMatchObject({ code, stdout: '' });
    expect(outcome.stderr).toContain(reason);
  });

  it('without a session: nothing starts', async () => {
    const wrong = emulator.config.replace(/profile\/[0-9a-f-]+/, 'profile/00000000-0000-0000-0000-000000000000');
    const file = await workshop.write('wrong.yaml', wrong);
    const outcome = await run(['exec', '--no-cache', '--config', file, '--', 'echo', 'started']);
    expect(outcome).toMatchObject({ code: 1, stdout: '' });
    expect(outcome.stderr).toContain('RA_PROFILE_INVALID');
  });

  it('--json: the failure is a line of JSON, with the mistakes of a configuration', async () => {
    const failure = async (file: string, ...flags: readonly string[]): Promise<[number | null, unknown]> => {
      const { code, stdout, stderr } = await run([
        'exec',
        '--json',
        '--config',
        file,
        ...flags,
        '--',
        'echo',
        'started',
      ]);
      expect(stdout).toBe('');
      return [code, JSON.parse(stderr)];
    };
    expect(await failure(config, '--role', 'x\u001b')).toMatchObject([
      2,
      { level: 'error', code: 'ROLE_NOT_CONFIGURED', error: 'no role x\u001b among device' },
    ]);
    const file = await workshop.write('mistakes.yaml', emulator.config.replace(/^roles:[^]*/m, 'role: []\n'));
    expect(await failure(file)).toMatchObject([
      2,
      { code: 'CONFIG_INVALID', problems: [{ code: 'CONFIG_UNKNOWN_KEY', key: 'role' }] },
    ]);
  });

  it('--json: a warning is a line of JSON', async () => {
    const options = { env: { HOME: workshop.directory, JAVA_TOOL_OPTIONS: '-Daws.accessKeyId=AKIDEXAMPLE' } };
    const { code, stderr } = await run(['exec', '--json', '--config', config, '--', 'true'], options);
    expect(code).toBe(0);
    expect(JSON.parse(stderr)).toMatchObject({ level: 'warn', code: expect.stringMatching(/^ENV_/) as unknown });
  });

  it('without a program, or with two roles', async () => {
    expect((await run(['exec', '--config', config])).code).toBe(2);
    expect(await run(['exec', '--config', config, '--role', 'x', '--', 'true'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('ROLE_NOT_CONFIGURED') as unknown,
    });
  });
});

describe('signals', () => {
  it.each(['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const)(
    '%s is forwarded',
    async (name) => {
      const [program] = await startedWith(['--config', config], `trap 'echo got it; exit 9' ${name.slice(3)}`);
      expect(await program.stop(name)).toEqual({ code: 9, stdout: 'got it\n', stderr: '' });
    },
  );
});

describe('what passes through', () => {
  test('arguments, also those that look like ours', async () => {
    const args = ['--debug=true', '--config', 'x', '--', '$HOME', "it's"];
    const { stdout } = await run(['exec', '--config', config, '--', 'printf', '%s\n', ...args]);
    expect(stdout).toBe(`${args.join('\n')}\n`);
  });

  test('standard input, and a pipe as standard error that stays blocking', () => {
    const flags = 'require("fs").readFileSync("/proc/self/fdinfo/2","utf8").match(/flags:\\s*(\\d+)/)[1]';
    const script = `node -e 'console.log(parseInt(${flags}, 8) & 0o4000)'; cat`;
    const output = execFileSync(process.execPath, [PROGRAM, 'exec', '--config', config, '--', 'sh', '-c', script], {
      input: 'typed\n',
      encoding: 'utf8',
      stdio: 'pipe',
      env: { ...process.env, HOME: workshop.directory },
    });
    expect(output).toBe('0\ntyped\n');
  });

  test('the limit of core files', async () => {
    const before = execFileSync('sh', ['-c', 'ulimit -H -c'], { encoding: 'utf8' });
    expect((await shell('ulimit -H -c')).stdout).toBe(before);
  });

  test('no passphrase of the key, and no stateKey', async () => {
    const [passphrase, stateKey] = ['correct horse battery staple', 'another secret of the state'];
    const key = execFileSync(
      'openssl',
      ['pkcs8', '-topk8', '-in', path.join(emulator.directory, 'device.key'), '-passout', `pass:${passphrase}`],
      { encoding: 'utf8' },
    );
    const file = await workshop.write('encrypted.key', key);
    const text = emulator.config.replace(
      /privateKey: .*/,
      `privateKey: ${file}\n  passphrase: { environment: SECRET }`,
    );
    const state = `\nstateDirectory: ${path.join(workshop.directory, 'state')}\nstateKey: { environment: STATE_SECRET }\n`;
    const args = ['exec', '--config', await workshop.write('encrypted.yaml', text + state), '--', 'env'];
    const secrets = { SECRET: passphrase, STATE_SECRET: stateKey };
    const { stdout, code } = await run(args, { env: { HOME: workshop.directory, ...secrets, OTHER: 'kept' } });
    expect(code).toBe(0);
    expect(stdout).toContain('OTHER=kept');
    expect(stdout).not.toContain('SECRET');
    expect(stdout).not.toContain(passphrase);
  });
});

describe('secrets', () => {
  test('are in no output, not even with --debug, and in no argument', async () => {
    const script = `${ASK} > ${path.join(workshop.directory, 'read.json')}; echo $AWS_CONTAINER_AUTHORIZATION_TOKEN > ${path.join(workshop.directory, 'read.token')}; cat /proc/[0-9]*/cmdline | tr '\\\\0' ' '`;
    const { stdout, stderr } = await shell(script, '--no-cache', '--debug');
    const document = JSON.parse(await readFile(path.join(workshop.directory, 'read.json'), 'utf8')) as Record<
      string,
      string
    >;
    const token = (await readFile(path.join(workshop.directory, 'read.token'), 'utf8')).trim();
    for (const secret of [document['SecretAccessKey'], document['Token'], token]) {
      expect(secret?.length).toBeGreaterThan(20);
      expect(stdout).not.toContain(secret);
      expect(stderr).not.toContain(secret);
    }
    expect(stdout).toContain('exec');
  });
});

const hasTerminal = hasTool('script', '--version') && hasTool('python3', '--version');

describeWith('script or python3', hasTerminal, 'exec in a terminal', () => {
  /** Types into a terminal of its own. */
  const typed = (program: string, input: string): string =>
    execFileSync(
      'script',
      ['-qec', `"${process.execPath}" "${PROGRAM}" exec --config "${config}" -- ${program}`, '/dev/null'],
      {
        input,
        encoding: 'utf8',
        timeout: PATIENCE_MS,
        env: { PATH: process.env['PATH'], HOME: workshop.directory, SHELL: '/bin/sh' },
      },
    );

  test('the program has the terminal', () => {
    expect(typed(`sh -c 'test -t 0 && test -t 1 && test -t 2 && echo all; exit 0'`, '')).toContain('all');
  });

  test('Ctrl-C reaches the program once', async () => {
    const program = await workshop.write(
      'count.mjs',
      `let count = 0;
       process.on('SIGINT', () => process.stdout.write(\`interrupt \${(count += 1)}.\\n\`));
       process.on('SIGUSR1', () => process.exit(count));
       setInterval(() => undefined, 1000);
       console.log('ready');`,
    );
    // Two signals can merge into one, so it takes several times to see a second one.
    const steps = `
import os, pty, select, signal, sys, time
pid, fd = pty.fork()
if pid == 0: os.execvp(sys.argv[1], sys.argv[1:])
seen = b''
def until(text):
    global seen
    deadline = time.time() + 30
    while text not in seen:
        if time.time() > deadline: raise SystemExit('no %r in %r' % (text, seen))
        if select.select([fd], [], [], 1)[0]: seen += os.read(fd, 4096)
until(b'ready')
for turn in range(1, 11):
    os.write(fd, b'\x03')
    until(b'interrupt %d.' % turn)
os.kill(pid, signal.SIGUSR1)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))`;
    const under = [process.execPath, PROGRAM, 'exec', '--config', config, '--', process.execPath, program];
    const env = { PATH: process.env['PATH'], HOME: workshop.directory };
    expect(execFileSync('python3', ['-c', steps, ...under], { encoding: 'utf8', env }).trim()).toBe('10');
  });

  test('Ctrl-Z stops program and exec, and fg continues both', () => {
    const steps = String.raw`
import os, pty, select, sys, time
pid, fd = pty.fork()
if pid == 0: os.execvp('bash', ['bash', '--norc', '-i'])
seen = b''
def until(text):
    global seen
    deadline = time.time() + 30
    while text not in seen:
        if time.time() > deadline: raise SystemExit('no %r in %r' % (text, seen))
        if select.select([fd], [], [], 1)[0]: seen += os.read(fd, 4096)
os.write(fd, (' '.join("'%s'" % word for word in sys.argv[1:]) + '; echo code=$?\n').encode())
until(b'runs\r\n')
os.write(fd, b'\x1a')
until(b'Stopped')
os.write(fd, b'echo in the shell $((1 + 1))\n')
until(b'in the shell 2')
os.write(fd, b'fg\n')
os.write(fd, b'typed\n')
until(b'read typed')
os.write(fd, b'exit 0\n')
print('continued')`;
    const script = 'echo runs; read line; echo read $line';
    const under = [process.execPath, PROGRAM, 'exec', '--config', config, '--', 'sh', '-c', script];
    const env = { PATH: process.env['PATH'], HOME: workshop.directory };
    expect(execFileSync('python3', ['-c', steps, ...under], { encoding: 'utf8', env }).trim()).toBe('continued');
  });
});
