import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { type CredentialDocument, readCredentials } from '../support/imds-client.ts';
import { eventually, type RunningProgram } from '../support/program.ts';
import { onFreePort, type RunningEmulator, Workshop } from '../support/workshop.ts';

// Stops the program at any point until its session has expired, then continues it, like a suspended
// machine, a debugger or a paused container. Its first answers are to requests from that time.

const SESSION_SECONDS = 6;

let workshop: Workshop;

beforeAll(async () => {
  workshop = await Workshop.open();
  return workshop.close;
});

interface Scene {
  readonly emulator: RunningEmulator;
  readonly program: RunningProgram;
  readonly url: string;
}

async function scene(): Promise<Scene> {
  const emulator = await workshop.emulator('--grant-seconds', String(SESSION_SECONDS));
  return { emulator, ...(await workshop.daemon(onFreePort(emulator.config))) };
}

/** @returns a function that continues it. */
function stopped({ pid }: RunningProgram): () => void {
  const goOn = (): void => void process.kill(pid, 'SIGCONT');
  process.kill(pid, 'SIGSTOP');
  // A stopped process does not exit.
  onTestFinished(goOn);
  return goOn;
}

const served = (url: string): Promise<CredentialDocument> =>
  eventually('credentials', 60_000, async () => (await readCredentials(url)).document);

async function passed(moment: number): Promise<void> {
  await eventually('the end of the session', 60_000, () => Date.now() > moment || undefined);
}

/** Requests the document several times at once with an existing token. Returns the answers. */
async function documentsOf(url: string, token: string): Promise<(CredentialDocument | number)[]> {
  const headers = { 'x-aws-ec2-metadata-token': token };
  const document = `${url}/latest/meta-data/iam/security-credentials/device`;
  const answers = Array.from({ length: 10 }, async () => {
    const answer = await fetch(document, { headers });
    return answer.ok ? ((await answer.json()) as CredentialDocument) : answer.status;
  });
  return Promise.all(answers);
}

async function tokenOf(url: string): Promise<string> {
  const headers = { 'x-aws-ec2-metadata-token-ttl-seconds': '600' };
  return (await fetch(`${url}/latest/api/token`, { method: 'PUT', headers })).text();
}

/** Stops at some point, waits until all granted sessions have expired, asks, and continues. */
async function expectNothingExpired({ program, url }: Scene, moment: () => Promise<void>): Promise<void> {
  const { Expiration } = await served(url);
  const token = await tokenOf(url);
  await moment();
  const goOn = stopped(program);
  await passed(Math.max(Date.parse(Expiration), Date.now()) + (SESSION_SECONDS + 1) * 1000);
  const askedAt = Date.now();
  const answers = documentsOf(url, token);
  goOn();
  for (const answer of await answers)
    if (typeof answer === 'number') expect(answer).toBe(503);
    else expect(Date.parse(answer.Expiration)).toBeGreaterThan(askedAt);
  expect(Date.parse((await served(url)).Expiration)).toBeGreaterThan(askedAt);
  expect(program.log.map(({ code }) => code)).toContain('SESSION_EXPIRED');
}

async function callsOf({ url }: RunningEmulator): Promise<number> {
  const calls = (await (await fetch(`${url}/_emulator/calls`)).json()) as { createSession: { total: number } };
  return calls.createSession.total;
}

describe('stopped beyond the end of its session, and continued', () => {
  test('the first answers are 503 or a fresh session, never the expired one', async () => {
    await expectNothingExpired(await scene(), () => Promise.resolve());
  }, 120_000);

  test('during a CreateSession: a session that was granted and expired meanwhile is not served', async () => {
    const { emulator, ...daemon } = await scene();
    await served(daemon.url);
    const fault = JSON.stringify({ createSession: { latencyMs: 1_000, grantSeconds: SESSION_SECONDS } });
    await fetch(`${emulator.url}/_emulator/faults`, { method: 'PUT', body: fault });
    await expectNothingExpired({ emulator, ...daemon }, async () => {
      const before = await callsOf(emulator);
      await eventually('a call', 60_000, async () => ((await callsOf(emulator)) > before ? true : undefined));
    });
  }, 120_000);
});
