import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { createAccount } from '../../src/emulator/account/new-account.ts';
import type { CodedError } from '../../src/foundation/errors.ts';
import { type Patience, receiveSvids } from '../../src/spiffe/workload-api.ts';
import { eventually, run, type RunningProgram } from '../support/program.ts';
import { describeWith, hasTool } from '../support/tools.ts';
import { onFreePort, Workshop } from '../support/workshop.ts';
import { DAEMON, SpireSite } from './spire-site.ts';

// The real program with a real SPIRE, and an emulator whose trust anchor is SPIRE's upstream root. One after the other,
// because each waits for the times of SPIRE: an agent asks its server every five seconds.

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

const present = hasTool('spire-server', '--version') && hasTool('spire-agent', '--version');

/** Of an SVID. The agent renews it after half of that. */
const LIFE_SECONDS = 30;
const WITHIN_MS = 120_000;

let workshop: Workshop;
let spire: SpireSite;
let daemon: RunningProgram;
let configFile: string;

async function startEmulator(directory: string): Promise<RunningProgram> {
  const { accountFile } = await createAccount(directory);
  const { readFile } = await import('node:fs/promises');
  const account = (await readFile(accountFile, 'utf8'))
    .replace(/^ +aws:PrincipalTag\/x509Subject\/OU: .*\n/m, '')
    .replace(/^( +)aws:PrincipalTag\/x509Issuer\/CN: .*$/m, `$1aws:PrincipalTag/x509SAN/URI: ${DAEMON}`)
    .replace(/^ +StringLike:\n.*\n/m, '');
  await writeFile(accountFile, account);
  await writeFile(path.join(directory, 'root-ca.pem'), spire.root.certificatePem);
  const emulator = workshop.start([
    // Short sessions, so that a new SVID is soon used.
    ...['emulate', '--dir', directory, '--listen', '127.0.0.1:0', '--grant-seconds', '10'],
  ]);
  await emulator.says(/AWS_ENDPOINT_URL_STS/);
  return emulator;
}

interface Status {
  readonly status: string;
  readonly identity: {
    readonly certificate: { readonly serial: string; readonly key: unknown; readonly chain: readonly unknown[] } | null;
    readonly fault: { readonly code: string } | null;
  };
}

async function status(): Promise<Status> {
  const { stdout } = await run(['status', '--json', '--socket', path.join(workshop.directory, 'admin.sock')]);
  return JSON.parse(stdout) as Status;
}

const faultIs = (code: string | null): Promise<Status> =>
  eventually(`the fault ${code ?? 'to end'}`, WITHIN_MS, async () => {
    const now = await status();
    return (now.identity.fault?.code ?? null) === code ? now : undefined;
  });

/** The serial numbers of the certificates that sessions were granted with, in order. */
const granted = (): string[] => {
  const serials = daemon.log
    .filter(({ msg }) => msg === 'role session granted')
    .map(({ assumedRoleArn }) => String(assumedRoleArn).split('/').at(-1) ?? '');
  return [...new Set(serials)];
};

const loads = (): number => daemon.log.filter(({ msg }) => msg === 'signing identity loaded').length;

async function anotherSvid(since: number): Promise<void> {
  await eventually('a session with another SVID', WITHIN_MS, () => (granted().length > since ? true : undefined));
}

/** A call of its own. */
function receiving(patience: Patience) {
  const stopping = new AbortController();
  onTestFinished(() => {
    stopping.abort();
  });
  const call = { count: 0, ended: Promise.resolve<CodedError | undefined>(undefined) };
  const received = (): void => void (call.count += 1);
  call.ended = receiveSvids({ socket: spire.socket, mayBeOpen: false }, received, stopping.signal, patience);
  return call;
}

describeWith('SPIRE', present, 'with SPIRE', () => {
  beforeAll(async () => {
    workshop = await Workshop.open();
    spire = await SpireSite.start();
    await spire.register(DAEMON, LIFE_SECONDS);
    const emulator = await startEmulator(path.join(workshop.directory, 'account'));
    const identity = `identity:\n  spiffe: { socket: 'unix://${spire.socket}' }\n`;
    const config = onFreePort(emulator.stdout).replace(/^identity:\n(?: .*\n)+/m, identity);
    configFile = await workshop.write('spiffe.yaml', `${config}\nadmin: { socket: 'admin.sock' }\n`);
    daemon = workshop.start(['serve', configFile]);
    return async () => {
      await workshop.close();
      await spire.close();
    };
  });

  test('a session is granted, with the intermediate CA of SPIRE', async () => {
    await anotherSvid(0);
    const { identity } = await status();
    expect(identity.certificate).toMatchObject({ key: { source: 'spiffe', name: DAEMON } });
    expect(identity.certificate?.chain).toHaveLength(1);
    expect(identity.certificate?.serial).toBe(granted()[0]);
  });

  test('a rotation is followed, and no renewal fails', async () => {
    await anotherSvid(granted().length);
    await faultIs(null);
    // Before it, the agent may not have known the entry.
    const since = daemon.log.findIndex(({ msg }) => msg === 'role session granted');
    expect(daemon.log.slice(since).filter(({ level }) => level === 'error')).toEqual([]);
  });

  test('commands ask the agent themselves', async () => {
    const checked = await run(['check-config', configFile]);
    expect(checked.stdout + checked.stderr).toContain(`SVID         ${DAEMON}, from the SPIFFE agent`);
    expect(checked.code).toBe(0);
    const process = await run(['credential-process', '--config', configFile]);
    expect(JSON.parse(process.stdout)).toMatchObject({
      Version: 1,
      AccessKeyId: expect.stringMatching(/^ASIA/) as string,
    });
    const home = { env: { HOME: workshop.directory } };
    const printed = ['/bin/sh', '-c', 'echo "$AWS_ACCESS_KEY_ID"'];
    const executed = await run(['exec', '--config', configFile, '--env', '--', ...printed], home);
    expect(executed.stdout).toMatch(/^ASIA/);
    expect((await run(['update', '--config', configFile, '--once'], home)).code).toBe(0);
    expect((await run(['doctor', configFile, '--dry'])).stdout).toContain(`${DAEMON}, from the SPIFFE agent`);
    const shown = await run(['policy', 'show', '--config', configFile]);
    expect(shown.stdout).toContain(DAEMON);
  });

  test('several SVIDs: the first is used, and the choice is reported', async () => {
    await spire.register('spiffe://example.org/other', LIFE_SECONDS, '-hint', 'other');
    await eventually('two SVIDs', WITHIN_MS, async () => {
      const { stdout } = await run(['check-config', configFile]);
      return stdout.includes('SPIFFE_SEVERAL_SVIDS') && stdout.includes('(hint other)') ? true : undefined;
    });
    await spire.unregister('spiffe://example.org/other');
  });

  test('a restart of the agent brings other SVIDs, which are used', async () => {
    await spire.stopAgent();
    const before = granted().length;
    const loaded = loads();
    const unreachable = await run(['check-config', configFile]);
    expect(unreachable.stderr).toContain('SPIFFE_AGENT_UNREACHABLE');
    await spire.startAgent();
    await eventually('an SVID of the new agent', WITHIN_MS, () => (loads() > loaded ? true : undefined));
    await anotherSvid(before);
    await faultIs(null);
  });

  test('an agent that is stopped hangs, which a ping shows', async () => {
    const patience = { deadlineMs: 1_000, pingEveryMs: 3_000 };
    const first = receiving(patience);
    await expect.poll(() => first.count, { timeout: WITHIN_MS }).toBeGreaterThan(0);
    spire.freezeAgent();
    expect(await first.ended).toMatchObject({ code: 'SPIFFE_AGENT_LATE' });
    expect(await receiving(patience).ended).toMatchObject({ code: 'SPIFFE_AGENT_LATE' });
    spire.thawAgent();
    const next = receiving(patience);
    await expect.poll(() => next.count, { timeout: WITHIN_MS }).toBeGreaterThan(0);
  });

  test('pings that come more often than every five minutes end the connection', async () => {
    const { ended } = receiving({ deadlineMs: 10_000, pingEveryMs: 50 });
    expect(await ended).toMatchObject({
      code: 'SPIFFE_AGENT_ENDED',
      message: expect.stringContaining('code 11') as string,
    });
  });

  test('without its server, the agent hands out an SVID after its end, which is noticed', async () => {
    await spire.stopServer();
    await faultIs('SPIFFE_SVID_EXPIRED');
    const { stderr } = await run(['check-config', configFile]);
    expect(stderr).toContain('SPIFFE_SVID_EXPIRED');
    const before = granted().length;
    await spire.startServer();
    await anotherSvid(before);
    await faultIs(null);
  });

  test('a removed entry is reported', async () => {
    await spire.unregister(DAEMON);
    await faultIs('SPIFFE_NO_IDENTITY');
    expect((await status()).identity.certificate).not.toBeNull();
  });
});
