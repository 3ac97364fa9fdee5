import { createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { type ImdsReading, readCredentials, readPath } from '../support/imds-client.ts';
import { mayMount, PrivateHost, RUNTIME, UNIT_LOG } from '../support/private-host.ts';
import { eventually } from '../support/program.ts';
import { rawExchange, requestBytes } from '../support/raw-http.ts';
import { describeWith, hasTool } from '../support/tools.ts';
import { type RunningEmulator, Workshop } from '../support/workshop.ts';

const SERVICE = 'imds-anywhere.service';
const SOCKET = 'imds-anywhere.socket';
/** A user manager puts RuntimeDirectory=, StateDirectory= and LogsDirectory= elsewhere. */
const ENDPOINT_SOCKET = `${RUNTIME}/imds-anywhere/imds-anywhere.sock`;
const LOGS = '/run/home/.config/log/imds-anywhere';
const STATE = '/run/home/.config/imds-anywhere/state';
const LOGGED = `[Service]\nStandardError=append:${UNIT_LOG}\n`;
const canBoot = mayMount() && hasTool('/lib/systemd/systemd', '--version');

let workshop: Workshop;
let emulator: RunningEmulator;
let host: PrivateHost;
let port: number;

describeWith('systemd, or not the right to mount', canBoot, 'the systemd units', () => {
  beforeAll(async () => {
    workshop = await Workshop.open();
    emulator = await workshop.emulator();
    port = await freePort();
    host = await PrivateHost.boot();
    await host.installProgram();
    await host.write('/etc/imds-anywhere/device.pem', readFileSync(`${emulator.directory}/device.pem`, 'utf8'));
    return async () => {
      await host.shutDown();
      await workshop.close();
    };
  });

  beforeEach(async () => {
    await host.systemctl('stop', SOCKET, SERVICE);
    await fetch(faults(), { method: 'DELETE' });
    // Without the drop-in, the runtime directory is a link to a private one, and stays one after a stop.
    await host.run('rm', '-rf', UNIT_LOG, STATE, LOGS, path.dirname(ENDPOINT_SOCKET));
    await host.write('/etc/imds-anywhere/device.key', readFileSync(`${emulator.directory}/device.key`, 'utf8'), 0o600);
    await host.write('/etc/imds-anywhere/config.yaml', configuration());
    await host.dropIn(SOCKET, `[Socket]\nListenStream=\nListenStream=127.0.0.1:${port}\n`);
    await host.dropIn(SERVICE, LOGGED);
  }, 30_000);

  test('the start is complete when the endpoints listen, and the status counts fresh roles', async () => {
    await host.systemctl('start', SERVICE);
    expect(await host.property(SERVICE, 'ActiveState')).toBe('active');
    await eventually('the status', 10_000, async () =>
      /^1 of 1 role fresh; next renewal \d\d:\d\d UTC$/.test(await host.property(SERVICE, 'StatusText'))
        ? true
        : undefined,
    );
    expect((await readCredentials(url())).status).toBe(200);
  });

  test('it runs as its own user, without capabilities, with a system call filter', async () => {
    await host.systemctl('start', SERVICE);
    const status = await host.run('cat', `/proc/${await host.property(SERVICE, 'MainPID')}/status`);
    expect(status).toMatch(/^CapEff:\t0+$/m);
    expect(status).toMatch(/^CapBnd:\t0+$/m);
    expect(status).toMatch(/^NoNewPrivs:\t1$/m);
    expect(status).toMatch(/^Seccomp:\t2$/m);
    expect(Number(/^Uid:\t(\d+)/m.exec(status)?.[1])).toBeGreaterThan(60_000);
  });

  test('only root can read the key, and the service has a copy', async () => {
    await host.systemctl('start', SERVICE);
    await served();
    expect(await host.run('stat', '--format=%U %a', '/etc/imds-anywhere/device.key')).toBe('root 600\n');
    expect(await host.unitLog()).toContain('signing identity loaded');
  });

  test('credential-process gets the session of the daemon through its runtime directory', async () => {
    await host.systemctl('start', SERVICE);
    await served();
    const printed = await host.run(
      'imds-anywhere',
      'credential-process',
      '--role',
      'device',
      '--socket',
      ENDPOINT_SOCKET,
    );
    const { document } = await readCredentials(url());
    expect(JSON.parse(printed)).toMatchObject({ AccessKeyId: document?.AccessKeyId });
  });

  test('systemctl reload reads the configuration again, and the service keeps running', async () => {
    await host.systemctl('start', SERVICE);
    await host.write('/etc/imds-anywhere/config.yaml', `${configuration()}log: { level: debug }\n`);
    await host.systemctl('reload', SERVICE);
    await eventually('ready again', 10_000, async () =>
      (await host.unitLog()).includes('configuration applied') &&
      (await host.property(SERVICE, 'SubState')) === 'running'
        ? true
        : undefined,
    );
  });

  test('systemd kills and restarts a silent service, which serves its previous session at once', async () => {
    // Only in this test: elsewhere, a busy machine must not be mistaken for a silent service.
    await host.dropIn(SERVICE, `${LOGGED}WatchdogSec=5\n`);
    await host.systemctl('start', SERVICE);
    const before = await host.property(SERVICE, 'MainPID');
    const held = await served();
    // The daemon answers first and writes then.
    await eventually('the stored session', 30_000, async () =>
      /^session-\w+$/m.test(await host.run('ls', STATE).catch(() => '')) ? true : undefined,
    );
    await host.run('kill', '-STOP', before);
    await eventually('another process', 60_000, async () => {
      const [pid, state] = [await host.property(SERVICE, 'MainPID'), await host.property(SERVICE, 'ActiveState')];
      return state === 'active' && pid !== before ? true : undefined;
    });
    expect(await host.property(SERVICE, 'NRestarts')).toBe('1');
    expect(await served()).toEqual(held);
  }, 90_000);

  test('a stop drains and succeeds', async () => {
    await host.systemctl('start', SERVICE);
    await host.systemctl('stop', SERVICE);
    expect(await host.property(SERVICE, 'Result')).toBe('success');
    expect(await host.property(SERVICE, 'ExecMainStatus')).toBe('0');
  });

  test('with `ready: sessions`, the start is complete only with a session', async () => {
    await fetch(faults(), { method: 'PUT', body: JSON.stringify({ createSession: { status: 503 } }) });
    const patient = configuration().replace(/^stateDirectory.*$/m, 'systemd: { ready: sessions }');
    await host.write('/etc/imds-anywhere/config.yaml', patient);
    const started = host.systemctl('start', SERVICE);
    await eventually('a refused endpoint', 10_000, async () =>
      (await readCredentials(url()).catch(() => undefined))?.status === 503 ? true : undefined,
    );
    expect(await host.property(SERVICE, 'ActiveState')).toBe('activating');
    await fetch(faults(), { method: 'DELETE' });
    await started;
    expect((await readCredentials(url())).status).toBe(200);
  });

  test('with the socket unit, the first request starts the service and is answered', async () => {
    await startSocket();
    expect(await host.property(SERVICE, 'ActiveState')).toBe('inactive');
    expect(await rawStatus()).toBe(401);
    // It answers before it reports READY.
    expect(await host.property(SERVICE, 'ActiveState')).toMatch(/^activ/);
    await served();
  });

  test('no connection is refused during a restart', async () => {
    await startSocket();
    await served();
    const before = await host.property(SERVICE, 'MainPID');
    const outcomes: number[] = [];
    const restart = { isOver: false };
    const restarted = host.systemctl('restart', SERVICE).finally(() => (restart.isOver = true));
    while (!restart.isOver) outcomes.push(await rawStatus());
    await restarted;
    expect(await host.property(SERVICE, 'MainPID')).not.toBe(before);
    expect(outcomes).not.toEqual([]);
    expect(outcomes.filter((status) => status !== 401)).toEqual([]);
  });

  test('a changed endpoint opens again on the same socket', async () => {
    await startSocket();
    await served();
    const changed = configuration().replace(`"127.0.0.1:${port}"`, '"127.0.0.1:0", region: us-east-1');
    await host.write('/etc/imds-anywhere/config.yaml', changed);
    await host.systemctl('reload', SERVICE);
    await eventually('the region', 10_000, async () => {
      const answer = await readPath(url(), '/latest/meta-data/placement/region');
      return answer.status === 200 ? true : undefined;
    });
    expect((await readCredentials(url())).status).toBe(200);
  });

  test('responses do not pass the first router', async () => {
    await startSocket();
    // Without a request, whose late packets would be captured.
    await host.systemctl('start', SERVICE);
    expect(await host.run('python3', '-c', TIMES_TO_LIVE, String(port))).toBe('[1]\n');
  });

  test('`allow` is rejected if users cannot be identified, and works with the drop-in', async () => {
    await host.write('/etc/imds-anywhere/config.yaml', forDaemonOnly());
    await expect(host.systemctl('start', SERVICE)).rejects.toThrow('ACCESS_CANNOT_BE_CHECKED');
    await host.dropIn(SERVICE, `${LOGGED}${readFileSync(PEER_USERS, 'utf8')}`);
    await host.systemctl('restart', SERVICE);
    expect([await askForToken('daemon'), await askForToken('games')]).toEqual(['200\n', '403\n']);
  });

  test('the audit log is in its own directory, which other users cannot read', async () => {
    await host.write('/etc/imds-anywhere/config.yaml', forDaemonOnly());
    await host.dropIn(SERVICE, `${LOGGED}${readFileSync(PEER_USERS, 'utf8')}`);
    await host.systemctl('start', SERVICE);
    expect(await host.run('stat', '--dereference', '--format=%a', LOGS)).toBe('700\n');
    expect(await askForToken('games')).toBe('403\n');
    const asked = ['imds-anywhere', 'credential-process', '--role', 'device', '--socket', ENDPOINT_SOCKET];
    await expect(host.run('setpriv', '--reuid=games', '--clear-groups', ...asked)).rejects.toThrow('answers 403');
    const lines = await host.run('cat', `${LOGS}/audit.jsonl`);
    expect(lines).toMatch(/"credentials.denied","role":"device","endpoint":"imds","callerUid":\d+,"callerPid":null/);
    // ProtectProc= hides the name of the process.
    expect(lines).toMatch(/"endpoint":"socket","callerUid":\d+,"callerPid":\d+,"callerProcess":null/);
  });

  test('key and passphrase may be encrypted to this host, as described in the unit', async () => {
    const key = createPrivateKey(readFileSync(`${emulator.directory}/device.key`));
    const sealed = key.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'of the key' });
    await host.run('systemd-creds', 'setup');
    for (const [name, content] of Object.entries({ 'device.key': String(sealed), passphrase: 'of the key' })) {
      const file = `/etc/imds-anywhere/${name}`;
      await host.write(file, content, 0o600);
      await host.run('systemd-creds', 'encrypt', `--name=${name}`, file, `${file}.cred`);
      await host.run('rm', file);
    }
    const withPassphrase = configuration().replace(
      /^( *)privateKey:.*$/m,
      '$&\n$1passphrase: { credential: passphrase }',
    );
    await host.write('/etc/imds-anywhere/config.yaml', withPassphrase.replace(/^stateDirectory.*$/m, ''));
    await host.dropIn(SERVICE, LOGGED + encryptedCredentials());
    await host.systemctl('start', SERVICE);
    await served();
  });

  test('without koffi, systemd-notify sends the messages, if the unit permits it', async () => {
    await host.run('mv', '/usr/lib/imds-anywhere/node_modules', '/run/aside');
    onTestFinished(async () => {
      await host.run('mv', '/run/aside', '/usr/lib/imds-anywhere/node_modules');
    });
    await host.dropIn(SERVICE, `${LOGGED}NotifyAccess=all\n`);
    await host.systemctl('start', SERVICE);
    expect(await host.unitLog()).toContain('SERVICE_MANAGER_BY_PROGRAM');
    await served();
  });
});

const UNIT = path.resolve(import.meta.dirname, '../../systemd/imds-anywhere.service');

/** The optional lines in the comments of the unit. */
function encryptedCredentials(): string {
  const lines = readFileSync(UNIT, 'utf8').matchAll(/^# {3}(LoadCredential(?:=|Encrypted=.*))$/gm);
  return [...lines].map(([, line]) => `${line}\n`).join('');
}

const PEER_USERS = path.resolve(import.meta.dirname, '../../systemd/drop-ins/peer-users.conf');

/** The status of a request for a metadata token. */
const ASK_FOR_TOKEN = `
import sys, urllib.error, urllib.request
ttl = {"X-aws-ec2-metadata-token-ttl-seconds": "60"}
request = urllib.request.Request(sys.argv[1] + "/latest/api/token", method="PUT", headers=ttl)
try: print(urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request).status)
except urllib.error.HTTPError as error: print(error.status)
`;

/** Prints the TTLs of the packets of one answer, captured on the loopback device. */
const TIMES_TO_LIVE = `
import socket, sys, urllib.request, urllib.error
port = int(sys.argv[1])
wire = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800))
wire.bind(("lo", 0))
try: urllib.request.build_opener(urllib.request.ProxyHandler({})).open(f"http://127.0.0.1:{port}/")
except urllib.error.HTTPError: pass
wire.settimeout(0)
seen = set()
try:
    while True:
        packet = wire.recv(65536)
        header = (packet[0] & 15) * 4
        if packet[9] == 6 and int.from_bytes(packet[header:header + 2], "big") == port: seen.add(packet[8])
except BlockingIOError: pass
print(sorted(seen))
`;

/** The answer once there is a session: READY comes when the endpoint listens, and a slow machine may take longer than a request waits. */
async function served(): Promise<ImdsReading> {
  return eventually('a session', 20_000, async () => {
    const reading = await readCredentials(url());
    return reading.status === 200 ? reading : undefined;
  });
}

/** The status of a request without a token, on a new connection; 0 without an answer. */
async function rawStatus(): Promise<number> {
  const request = requestBytes('GET', '/latest/meta-data/', [['Host', `127.0.0.1:${port}`]]);
  return rawExchange(port, request).then(
    ({ status }) => status,
    () => 0,
  );
}

const faults = (): string => `${emulator.url}/_emulator/faults`;
const url = (): string => `http://127.0.0.1:${port}`;

/** The socket unit has the address, so the configuration must not open it as well. */
async function startSocket(): Promise<void> {
  await host.write('/etc/imds-anywhere/config.yaml', configuration().replace(`127.0.0.1:${port}`, '127.0.0.1:0'));
  await host.systemctl('start', SOCKET);
}

function askForToken(user: string): Promise<string> {
  return host.run('setpriv', `--reuid=${user}`, '--clear-groups', 'python3', '-c', ASK_FOR_TOKEN, url());
}

function forDaemonOnly(): string {
  const allowed = configuration().replace(/^( {2}- roleArn: .*)$/m, '$1\n    allow: { users: [daemon] }');
  return `${allowed}audit: { file: ${LOGS}/audit.jsonl }\n`;
}

function configuration(): string {
  return emulator.config
    .replace(/certificate: .*/, 'certificate: /etc/imds-anywhere/device.pem')
    .replace(/privateKey: .*/, `privateKey: ${RUNTIME}/credentials/${SERVICE}/device.key`)
    .replace(/^( {2}- roleArn: .*)$/m, `$1\n    imds: { listen: "127.0.0.1:${port}" }`)
    .concat(`\nstateDirectory: ${STATE}\nsocket: { path: ${ENDPOINT_SOCKET} }\n`);
}
