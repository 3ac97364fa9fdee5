import { X509Certificate } from 'node:crypto';
import { access, mkdtemp, readFile, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import type { IdentityConfig } from '../../src/config/config.ts';
import { loadIdentity } from '../../src/identity/load-identity.ts';
import type { LoadedIdentity } from '../../src/identity/signing-identity.ts';
import { keysOfCommand } from '../../src/keys/outside-keys.ts';
import type { ProgramOutcome } from '../../src/platform/program-with-files.ts';
import { CertificateRenewal } from '../../src/renewal/certificate-renewal.ts';
import { IdentityRollover } from '../../src/sessions/identity-rollover.ts';
import { grantedSession, type LogLine, MINUTE, recordingLog } from '../sessions/support.ts';
import { type Authority, type Issued, makeAuthority, pairFrom } from '../support/pki.ts';
import { eventually } from '../support/program.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const START = Date.parse('2026-11-22T12:00:00Z');
const never = new AbortController().signal;

/** The rollover of the daemon, and a renewal whose program is a function. */
class Scene {
  readonly clock = new VirtualClock(START);
  readonly stopping = new AbortController();
  readonly lines: LogLine[];
  readonly rollover: IdentityRollover;
  readonly renewal: CertificateRenewal;
  readonly asked: number[] = [];
  fault = undefined;
  nudged = 0;
  program: () => Promise<ProgramOutcome> = () => Promise.resolve(ended('', 'exit code 1'));

  readonly authority: Authority;
  readonly first: Issued;
  config: IdentityConfig & { readonly certificate: string };

  private constructor(authority: Authority, first: Issued, config: Scene['config']) {
    this.authority = authority;
    this.first = first;
    this.config = config;
    const { log, lines } = recordingLog();
    this.lines = lines;
    this.rollover = new IdentityRollover({ clock: this.clock, log });
    this.renewal = new CertificateRenewal({
      config: () => this.config,
      held: this.rollover,
      keys: keysOfCommand({}),
      ask: (_renew, request) => {
        expect(request).toMatch(/^-----BEGIN CERTIFICATE REQUEST-----\n/);
        this.asked.push(this.clock.now());
        return this.program();
      },
      ...{ environment: {}, clock: this.clock, random: () => 0.99, log },
    });
  }

  /** A certificate of 100 minutes, due after 66 to 71 minutes. */
  static async open(directory: string): Promise<Scene> {
    const authority = await makeAuthority();
    const first = await authority.issue({ notBefore: START, notAfter: START + 100 * MINUTE });
    const [certificate, privateKey] = [path.join(directory, 'device.pem'), path.join(directory, 'device.key')];
    await writeFile(certificate, first.certificatePem);
    await writeFile(privateKey, first.keyPem, { mode: 0o600 });
    const renew = { command: [process.execPath], at: 0.66, timeout: 60, environment: [], rekey: false } as const;
    // The directory of the tests may belong to another user.
    const scene = new Scene(authority, first, { certificate, privateKey, renew, allowReadableKey: true });
    scene.renewal.fromFiles.offer(await scene.read());
    scene.renewal.follow(scene, scene.stopping.signal);
    return scene;
  }

  nudge(): void {
    this.nudged += 1;
  }

  read(): Promise<LoadedIdentity> {
    return loadIdentity(this.config, { now: this.clock.now(), environment: {} });
  }

  /** What the CA answers: by default, a certificate of 100 minutes for the same key. */
  async issued(life = 100 * MINUTE, more = ''): Promise<ProgramOutcome> {
    const now = this.clock.now();
    const keys = pairFrom(this.first.keyPem);
    const { certificatePem } = await this.authority.issue({ keys, notBefore: now, notAfter: now + life });
    return ended(certificatePem + more);
  }

  /** Files and signatures take real time, in which this clock stands still. */
  async until<T>(what: string, look: () => T | undefined | Promise<T | undefined>, step = 1_000): Promise<T> {
    return eventually(what, 30_000, async () => {
      if (this.clock.hasSleepers) await this.clock.advance(step);
      return look();
    });
  }

  /** One role's exchange, which tries a candidate. */
  async exchange(): Promise<void> {
    const grant = this.rollover.within(() => Promise.resolve(grantedSession(this.clock.now())), 'role');
    const used = this.rollover.current();
    if (used) await grant(used, never);
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.renewal.ended();
  }

  get file(): Promise<string> {
    return readFile(this.config.certificate, 'utf8');
  }
}

function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}

function ended(output: string, end?: string): ProgramOutcome {
  return { kind: 'ended', end, output, errors: '' };
}

let scene: Scene;
beforeEach(async () => {
  const directory = await mkdtemp(path.join(tmpdir(), 'imds-anywhere-renewal-'));
  scene = await Scene.open(directory);
  return async () => {
    await scene.stop();
    await rm(directory, { recursive: true, force: true });
  };
});

test('asks when due, and writes after the grant, not before', async () => {
  await scene.clock.advance(65 * MINUTE);
  expect(scene.asked).toEqual([]);
  scene.program = () => scene.issued();
  const candidate = await scene.until('a candidate', () => scene.rollover.candidate, MINUTE);
  expect(scene.asked[0]).toBeGreaterThanOrEqual(START + 66 * MINUTE);
  expect(await scene.file).toBe(scene.first.certificatePem);
  // The old files, read again, do not end the trial.
  scene.renewal.fromFiles.offer(await scene.read());
  expect(scene.rollover.candidate).toBe(candidate);
  await scene.exchange();
  await scene.until('the new file', async () => ((await scene.file) === scene.first.certificatePem ? undefined : true));
  expect((await scene.read()).identity.fingerprint).toBe(candidate.fingerprint);
  expect(scene.asked).toHaveLength(1);
});

test('a private key in the answer counts for nothing, and is not written', async () => {
  const stranger = await scene.authority.issue();
  scene.program = () => scene.issued(100 * MINUTE, stranger.keyPem);
  const candidate = await scene.until('a candidate', () => scene.rollover.candidate, MINUTE);
  await scene.exchange();
  await scene.until('the new file', async () => ((await scene.file) === scene.first.certificatePem ? undefined : true));
  expect((await scene.read()).identity.fingerprint).toBe(candidate.fingerprint);
  expect(await scene.file).not.toContain('PRIVATE KEY');
});

test('a file that cannot be written: the new pair stays in use, and is written later', async () => {
  const before = await scene.read();
  const directory = path.dirname(scene.config.certificate);
  scene.program = () => scene.issued();
  const candidate = await scene.until('a candidate', () => scene.rollover.candidate, MINUTE);
  await rename(directory, `${directory}.away`);
  await writeFile(directory, 'no directory');
  try {
    await scene.exchange();
    const trouble = await scene.until('a failure', () => scene.renewal.state?.trouble);
    expect(trouble.failure.code).toBe('RENEWAL_NOT_WRITTEN');
    await scene.until('another attempt', () => (scene.renewal.state?.trouble?.attempts ?? 0) > 2 || undefined, MINUTE);
    scene.renewal.fromFiles.offer(before);
    await scene.exchange();
    expect(scene.rollover.current()?.fingerprint).toBe(candidate.fingerprint);
  } finally {
    await rm(directory);
    await rename(`${directory}.away`, directory);
  }
  await scene.until('calm', () => (scene.renewal.state?.trouble ? undefined : true), MINUTE);
  expect((await scene.read()).identity.fingerprint).toBe(candidate.fingerprint);
  expect(scene.asked).toHaveLength(1);
});

test('waits while the command `renew` runs, and that is no failure', async () => {
  const lock = `${scene.config.certificate}.lock`;
  const due = scene.renewal.state?.nextAt ?? 0;
  await scene.clock.advance(due - 1 - scene.clock.now());
  // This process runs.
  await writeFile(lock, `${process.pid}\n`);
  await utimes(lock, due / 1_000, due / 1_000);
  await scene.until('a later attempt', () => ((scene.renewal.state?.nextAt ?? 0) > due ? true : undefined));
  expect([scene.asked, scene.renewal.state?.trouble]).toEqual([[], undefined]);
  await rm(lock);
  scene.program = () => scene.issued();
  await scene.until('a candidate', () => scene.rollover.candidate);
  await scene.until('no lock', async () => ((await exists(lock)) ? undefined : true));
  expect(scene.asked).toHaveLength(1);
});

test('never two programs at a time', async () => {
  let finish: (outcome: ProgramOutcome) => void = () => undefined;
  scene.program = () => new Promise((resolve) => (finish = resolve));
  await scene.until('a running program', () => scene.asked[0], MINUTE);
  expect(scene.renewal.state?.isRunning).toBe(true);
  scene.renewal.follow(scene, scene.stopping.signal);
  await scene.clock.advance(2 * MINUTE);
  expect(scene.asked).toHaveLength(1);
  finish(ended('', 'exit code 1'));
  await scene.until('a failure', () => scene.renewal.state?.trouble);
});

test('failures wait longer each time, and another log line comes towards the end', async () => {
  const levels = (): string[] =>
    scene.lines.filter(({ message }) => message === 'certificate not renewed').map(({ level }) => level);
  await scene.until('three attempts', () => scene.asked[2], MINUTE);
  expect(levels()).toEqual(['warn']);
  await scene.until('five attempts', () => scene.asked[4], MINUTE);
  const waits = scene.asked.slice(1).map((at, index) => at - (scene.asked[index] ?? 0));
  expect(waits.every((wait) => wait >= MINUTE)).toBe(true);
  expect(waits.at(-1)).toBeGreaterThan(2 * MINUTE);
  await scene.until('a fifth left', () => levels()[1], MINUTE);
  expect(levels()).toEqual(['warn', 'error']);
  expect(scene.clock.now()).toBeGreaterThanOrEqual(START + 80 * MINUTE);
});

test.each<[string, () => Promise<ProgramOutcome>]>([
  ['RENEWAL_NO_CERTIFICATE', () => Promise.resolve(ended('no certificate today'))],
  ['RENEWAL_NOT_NEWER', () => scene.issued(MINUTE)],
  ['KEY_CERTIFICATE_MISMATCH', async () => ended((await scene.authority.issue()).certificatePem)],
  ['PEM_BLOCK_UNFINISHED', () => Promise.resolve(ended(scene.first.certificatePem.slice(0, 200)))],
])('%s: the pair in use stays', async (code, program) => {
  scene.program = program;
  const trouble = await scene.until('a failure', () => scene.renewal.state?.trouble, MINUTE);
  expect(trouble.failure.code).toBe(code);
  expect(scene.rollover.candidate).toBeUndefined();
  expect(await scene.file).toBe(scene.first.certificatePem);
});

test('a certificate that another program renews ends the failures', async () => {
  await scene.until('a failure', () => scene.renewal.state?.trouble, MINUTE);
  const now = scene.clock.now();
  const { certificatePem } = await scene.authority.issue({
    ...{ keys: pairFrom(scene.first.keyPem), notBefore: now, notAfter: now + 100 * MINUTE },
  });
  await writeFile(scene.config.certificate, certificatePem);
  scene.renewal.fromFiles.offer(await scene.read());
  await scene.exchange();
  await scene.until('calm', () => (scene.renewal.state?.trouble ? undefined : true));
  expect(scene.renewal.state?.nextAt).toBeGreaterThan(now + 60 * MINUTE);
});

test('another identity in the configuration: the answer for the previous one is not used', async () => {
  let finish: (outcome: ProgramOutcome) => void = () => undefined;
  scene.program = () => new Promise((resolve) => (finish = resolve));
  await scene.until('a running program', () => scene.asked[0], MINUTE);
  const certificate = `${scene.config.certificate}.other`;
  await writeFile(certificate, scene.first.certificatePem);
  scene.config = { ...scene.config, certificate };
  scene.program = () => scene.issued();
  finish(await scene.issued());
  await scene.until('a request for the other file', () => scene.asked[1]);
  await scene.until('a candidate', () => scene.rollover.candidate);
  await scene.exchange();
  await scene.until('the other file', async () =>
    (await readFile(certificate, 'utf8')) === scene.first.certificatePem ? undefined : true,
  );
});

test('a clock that is set back makes no wait longer', async () => {
  await scene.until('ten minutes left', () => (scene.clock.now() > START + 90 * MINUTE ? true : undefined), MINUTE);
  await scene.until('a wait', () => scene.renewal.state?.isRunning === false || undefined);
  scene.clock.step(-15 * MINUTE);
  const [from, count] = [scene.clock.now(), scene.asked.length];
  await scene.until('another attempt', () => scene.asked[count]);
  expect(scene.clock.now() - from).toBeLessThan(3 * MINUTE);
});

describe('a program that writes the file itself', () => {
  async function written(content: (now: number) => Promise<string | Buffer>): Promise<void> {
    scene.program = async () => {
      await writeFile(scene.config.certificate, await content(scene.clock.now()));
      return ended('');
    };
    // In small steps from there: what was written has to be read within a minute.
    await scene.clock.advance(65 * MINUTE);
    await scene.until('a run', () => scene.asked[0], 5_000);
  }

  async function renewed(notBefore: number, life = 100 * MINUTE): Promise<string> {
    const keys = pairFrom(scene.first.keyPem);
    return (await scene.authority.issue({ keys, notBefore, notAfter: notBefore + life })).certificatePem;
  }

  test.each<[string, (pem: string) => string | Buffer]>([
    ['the CA first', (pem) => scene.authority.certificatePem + pem],
    ['as DER', (pem) => new X509Certificate(pem).raw],
  ])('%s', async (_, form) => {
    await written(async (now) => form(await renewed(now)));
    await scene.until('a nudge', () => scene.nudged || undefined);
    scene.renewal.fromFiles.offer(await scene.read());
    await scene.exchange();
    await scene.until('the trial is over', () => scene.clock.now() > (scene.asked[0] ?? 0) + 3 * MINUTE || undefined);
    expect(scene.lines.filter(({ level }) => level !== 'info')).toEqual([]);
    expect(scene.asked).toHaveLength(1);
  });

  test('a certificate that ends no later is a failure, although it is used', async () => {
    await written((now) => renewed(now, MINUTE));
    const trouble = await scene.until('a failure', () => scene.renewal.state?.trouble);
    expect(trouble.failure.code).toBe('RENEWAL_NOT_NEWER');
  });

  test('the same certificate with another text around it is a failure', async () => {
    await written(() => Promise.resolve(`renewed\n${scene.first.certificatePem}`));
    const trouble = await scene.until('a failure', () => scene.renewal.state?.trouble);
    expect(trouble.failure.code).toBe('RENEWAL_NOT_NEWER');
  });
});
