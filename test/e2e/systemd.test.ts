import { createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { readCredentials, readPath, type ImdsReading } from '../support/imds-client.ts';
import { mayMount, PrivateHost, RUNTIME, UNIT_LOG } from '../support/private-host.ts';
import { eventually } from '../support/program.ts';
import { freePort } from '../support/free-port.ts';
import { rawExchange, requestBytes } from '../support/raw-http.ts';
import { describeWith, hasTool } from '../support/tools.ts';
import { Workshop, type RunningEmulator } from '../support/workshop.ts';

const SERVICE = 'imds-anywhere.service';
const SOCKET = 'imds-anywhere.socket';
/** RuntimeDirectory= of the manager of a user is not in /run itself. */
const ENDPOINT_SOCKET = `${RUNTIME}/imds-anywhere/imds-anywhere.sock`;
/** The same of LogsDirectory=. */
const LOGS = '/run/home/.config/log/imds-anywhere';
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
    await host.write('/etc/imds-anywhere/device.key', readFileSync(`${emulator.directory}/device.key`, 'utf8'), 0o600);
    await host.write('/etc/imds-anywhere/config.yaml', configuration());
    await host.dropIn(SERVICE, LOGGED);
    return async () => {
      await host.shutDown();
      await workshop.close();
    };
  });

  test('start is over when the endpoints listen, and the status says how many roles are fresh', async () => {
    await host.systemctl('start', SERVICE);
    expect(await host.property(SERVICE, 'ActiveState')).toBe('active');
    await eventually('the status', 10_000, async () =>
      /^1 of 1 role fresh; next renewal \d\d:\d\d UTC$/.test(await host.property(SERVICE, 'StatusText'))
        ? true
        : undefined,
    );
    expect((await readCredentials(url())).status).toBe(200);
  });

  test('it runs as a user of its own, without any capability, under a system call filter', async () => {
    const status = await host.run('cat', `/proc/${await host.property(SERVICE, 'MainPID')}/status`);
    expect(status).toMatch(/^CapEff:\t0+$/m);
    expect(status).toMatch(/^CapBnd:\t0+$/m);
    expect(status).toMatch(/^NoNewPrivs:\t1$/m);
    expect(status).toMatch(/^Seccomp:\t2$/m);
    expect(Number(/^Uid:\t(\d+)/m.exec(status)?.[1])).toBeGreaterThan(60_000);
  });

  test('the key is root’s alone, and the service has a copy', async () => {
    expect(await host.run('stat', '--format=%U %a', '/etc/imds-anywhere/device.key')).toBe('root 600\n');
    expect(await host.unitLog()).toContain('signing identity loaded');
  });

  test('credential-process takes the session of the daemon from its runtime directory', async () => {
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

  test('systemctl reload reads the configuration again, and the service is running after it', async () => {
    await host.write('/etc/imds-anywhere/config.yaml', `${configuration()}log: { level: debug }\n`);
    await host.systemctl('reload', SERVICE);
    await eventually('ready again', 10_000, async () =>
      (await host.unitLog()).includes('configuration applied') &&
      (await host.property(SERVICE, 'SubState')) === 'running'
        ? true
        : undefined,
    );
  });

  test('a service that falls silent is killed and started again, and serves at once what it held before', async () => {
    // Of its own: everywhere else a busy machine must not be taken for a silent service.
    await host.dropIn(SERVICE, `${LOGGED}WatchdogSec=5\n`);
    await host.systemctl('restart', SERVICE);
    const before = await host.property(SERVICE, 'MainPID');
    const held = await served();
    await host.run('kill', '-STOP', before);
    await eventually('another process', 60_000, async () => {
      const [pid, state] = [await host.property(SERVICE, 'MainPID'), await host.property(SERVICE, 'ActiveState')];
      return state === 'active' && pid !== before ? true : undefined;
    });
    expect(await host.property(SERVICE, 'NRestarts')).toBe('1');
    expect(await served()).toEqual(held);
    await host.dropIn(SERVICE, LOGGED);
  }, 90_000);

  test('stop drains and ends well', async () => {
    await host.systemctl('stop', SERVICE);
    expect(await host.property(SERVICE, 'Result')).toBe('success');
    expect(await host.property(SERVICE, 'ExecMainStatus')).toBe('0');
  });

  test('with `ready: sessions` the start is over when there is one, not before', async () => {
    const faults = `${emulator.url}/_emulator/faults`;
    await fetch(faults, { method: 'PUT', body: JSON.stringify({ createSession: { status: 503 } }) });
    const patient = configuration().replace(/^stateDirectory.*$/m, 'systemd: { ready: sessions }');
    await host.write('/etc/imds-anywhere/config.yaml', patient);
    const started = host.systemctl('start', SERVICE);
    await eventually('a refused endpoint', 10_000, async () =>
      (await readCredentials(url()).catch(() => undefined))?.status === 503 ? true : undefined,
    );
    expect(await host.property(SERVICE, 'ActiveState')).toBe('activating');
    await fetch(faults, { method: 'DELETE' });
    await started;
    expect((await readCredentials(url())).status).toBe(200);
    await host.systemctl('stop', SERVICE);
  });

  test('with the socket unit the first request starts the service, and is answered', async () => {
    await host.write('/etc/imds-anywhere/config.yaml', configuration().replace(`127.0.0.1:${port}`, '127.0.0.1:0'));
    await host.dropIn(SOCKET, `[Socket]\nListenStream=\nListenStream=127.0.0.1:${port}\n`);
    await host.systemctl('start', SOCKET);
    expect(await host.property(SERVICE, 'ActiveState')).toBe('inactive');
    expect(await rawStatus()).toBe(401);
    // It answers before it tells that it does.
    expect(await host.property(SERVICE, 'ActiveState')).toMatch(/^activ/);
    await served();
  });

  test('no connection is refused while it restarts', async () => {
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
    const changed = configuration().replace(`"127.0.0.1:${port}"`, '"127.0.0.1:0", region: us-east-1');
    await host.write('/etc/imds-anywhere/config.yaml', changed);
    await host.systemctl('reload', SERVICE);
    await eventually('the region', 10_000, async () => {
      const answer = await readPath(url(), '/latest/meta-data/placement/region');
      return answer.status === 200 ? true : undefined;
    });
    expect((await readCredentials(url())).status).toBe(200);
  });

  test('answers do not get past one hop', async () => {
    expect(await host.run('python3', '-c', TIMES_TO_LIVE, String(port))).toBe('[1]\n');
  });

  test('rules by user are refused where users cannot be told apart, and hold with the drop-in for them', async () => {
    await host.systemctl('stop', SOCKET, SERVICE);
    const forDaemon = configuration().replace(/^( {2}- roleArn: .*)$/m, '$1\n    allow: { users: [daemon] }');
    await host.write('/etc/imds-anywhere/config.yaml', `${forDaemon}audit: { file: ${LOGS}/audit.jsonl }\n`);
    await expect(host.systemctl('start', SERVICE)).rejects.toThrow('ACCESS_CANNOT_BE_CHECKED');
    await host.dropIn(SERVICE, readFileSync(PEER_USERS, 'utf8'));
    await host.systemctl('restart', SERVICE);
    const ask = (user: string): Promise<string> =>
      host.run('setpriv', `--reuid=${user}`, '--clear-groups', 'python3', '-c', ASK_FOR_TOKEN, url());
    expect([await ask('daemon'), await ask('games')]).toEqual(['200\n', '403\n']);
  });

  test('the audit log is in its own directory, which nobody else may read', async () => {
    expect(await host.run('stat', '--dereference', '--format=%a', LOGS)).toBe('700\n');
    const asked = ['imds-anywhere', 'credential-process', '--role', 'device', '--socket', ENDPOINT_SOCKET];
    await expect(host.run('setpriv', '--reuid=games', '--clear-groups', ...asked)).rejects.toThrow('answers 403');
    const lines = await host.run('cat', `${LOGS}/audit.jsonl`);
    expect(lines).toMatch(/"credentials.denied","role":"device","endpoint":"imds","callerUid":\d+,"callerPid":null/);
    // ProtectProc= hides what the process is called.
    expect(lines).toMatch(/"endpoint":"socket","callerUid":\d+,"callerPid":\d+,"callerProcess":null/);
  });

  test('key and passphrase may be encrypted to this host, as the comments of the unit say', async () => {
    await host.systemctl('stop', SOCKET, SERVICE);
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
    await host.write('/etc/imds-anywhere/device.key', readFileSync(`${emulator.directory}/device.key`, 'utf8'), 0o600);
  });

  test('without koffi systemd-notify speaks for it, where the unit permits that', async () => {
    await host.systemctl('stop', SOCKET, SERVICE);
    await host.run('mv', '/usr/lib/imds-anywhere/node_modules', '/run/aside');
    await host.write('/etc/imds-anywhere/config.yaml', configuration());
    await host.dropIn(SERVICE, `${LOGGED}NotifyAccess=all\n`);
    await host.systemctl('start', SERVICE);
    expect(await host.unitLog()).toContain('SERVICE_MANAGER_BY_PROGRAM');
    await served();
    await host.run('mv', '/run/aside', '/usr/lib/imds-anywhere/node_modules');
  });
});

const UNIT = path.resolve(import.meta.dirname, '../../systemd/imds-anywhere.service');

/** The lines of the unit that are commented out for whoever wants them. */
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

/** What the packets of one answer have in their IP headers, seen on the loopback device. */
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

/** What is read once there is a session: READY comes when the endpoint listens, and a slow machine needs longer than a request waits. */
async function served(): Promise<ImdsReading> {
  return eventually('a session', 20_000, async () => {
    const reading = await readCredentials(url());
    return reading.status === 200 ? reading : undefined;
  });
}

/** Of a request without a token, on a connection of its own; 0 where the connection was not answered. */
async function rawStatus(): Promise<number> {
  const request = requestBytes('GET', '/latest/meta-data/', [['Host', `127.0.0.1:${port}`]]);
  return rawExchange(port, request).then(
    ({ status }) => status,
    () => 0,
  );
}

const url = (): string => `http://127.0.0.1:${port}`;

function configuration(): string {
  return emulator.config
    .replace(/certificate: .*/, 'certificate: /etc/imds-anywhere/device.pem')
    .replace(/privateKey: .*/, `privateKey: ${RUNTIME}/credentials/${SERVICE}/device.key`)
    .replace(/^( {2}- roleArn: .*)$/m, `$1\n    imds: { listen: "127.0.0.1:${port}" }`)
    .concat(`\nstateDirectory: /run/home/.config/imds-anywhere/state\nsocket: { path: ${ENDPOINT_SOCKET} }\n`);
}
