import { parseArgs } from 'node:util';
import type { ReadingLedger } from '../support/reading-ledger.ts';
import { SdkLoad } from '../support/sdk-load.ts';
import { onFreePort, type RunningEmulator, Workshop } from '../support/workshop.ts';
import { breaks } from './breaks.ts';
import { certificateChanges } from './certificate-changes.ts';
import { Dice } from './dice.ts';
import { createSessionCalls, stsComplaint } from './emulator-control.ts';
import { processSize } from './process-size.ts';
import { randomFaults } from './random-faults.ts';
import { milliseconds, quantile, table } from './report.ts';

// Everything at the same time: short sessions, SDK-like clients, random faults, changing
// certificate files. Exits with 1 if any answer was wrong. Run `npm run build` first. Everything
// runs on loopback.

const { values: flags } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    clients: { type: 'string', default: '20' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    'grant-seconds': { type: 'string', default: '20' },
  },
});
const minutes = Number(flags.minutes);
const clients = Number(flags.clients);
const seed = Number(flags.seed);
/** After this, one-time allocations (connections, caches, the first collections) are done. */
const WARM_UP_SECONDS = 30;

const say = (text: string): void => void process.stdout.write(`${text}\n`);

/** Signs a request to STS with every session that clients have seen, while it is valid. */
async function verifySessions(ledger: ReadingLedger, url: string, signal: AbortSignal): Promise<number> {
  const pause = breaks(signal);
  let verified = 0;
  while (await pause(0.5))
    for (const document of ledger.takeNewSessions()) {
      const complaint = await stsComplaint(url, document);
      if (complaint !== undefined) ledger.complain(complaint, Date.now());
      verified += 1;
    }
  return verified;
}

async function soak(workshop: Workshop): Promise<boolean> {
  const emulator: RunningEmulator = await workshop.emulator('--grant-seconds', flags['grant-seconds']);
  const { program, url } = await workshop.daemon(onFreePort(emulator.config));
  const load = new SdkLoad(url, { clients, everyMs: 200 });
  const { ledger } = load;
  const over = new AbortController();
  process.once('SIGINT', () => {
    over.abort();
  });
  const pause = breaks(over.signal);
  const verifying = verifySessions(ledger, emulator.url, over.signal);
  await pause(WARM_UP_SECONDS);
  const before = await processSize(program.pid);
  const work = Promise.all([
    randomFaults(emulator.url, new Dice(seed), over.signal),
    certificateChanges(emulator.directory, new Dice(seed + 1), over.signal),
    verifying,
    progress(ledger, program.pid, over.signal),
  ]);
  await pause(minutes * 60);
  over.abort();
  const [faults, changes, verified] = await work;
  const times = load.takeTimes();
  // With connected clients, as at the start.
  const after = await processSize(program.pid);
  await load.stop();

  const calls = await createSessionCalls(emulator.url);
  const { length: takenUp } = program.log.filter(({ msg }) => msg === 'new certificate in use');
  const codes = program.log.flatMap(({ code }) => (typeof code === 'string' ? [code] : []));
  const { code } = await program.stop();
  say(
    table(
      ['', `Node ${process.version}, seed ${seed}`],
      [
        ['minutes, clients, seconds of a session', `${minutes}, ${clients}, ${flags['grant-seconds']}`],
        ['faults, certificate changes', `${faults}, ${changes}`],
        ['new certificates that were tried and taken up', takenUp],
        ['reads (token, list, document)', ledger.reads],
        ['wrong answers', ledger.wrongCount],
        ['200, and 503 while nothing could be held', `${ledger.served}, ${ledger.unavailable}`],
        ['sessions served, each verified by STS', `${ledger.sessions}, ${verified}`],
        ['times that a session ended before the next one came', ledger.lapses],
        ['calls upstream', calls.total],
        ['of them by status', JSON.stringify(calls.byStatus).replaceAll(/["{}]/g, '').replaceAll(',', ', ')],
        ['most calls in flight', calls.maxInFlight],
        [
          'document, p50 and p99 and longest, ms',
          [0.5, 0.99, 1].map((q) => milliseconds(quantile(times, q))).join(', '),
        ],
        ['log lines with a code, different codes', `${codes.length}, ${new Set(codes).size}`],
        ['memory at start and end, MB', `${before.memory}, ${after.memory}`],
        ['descriptors at start and end', `${before.descriptors}, ${after.descriptors}`],
        ['threads at start and end', `${before.threads}, ${after.threads}`],
        ['exit code of the daemon', String(code)],
      ],
    ),
  );
  return isGood(ledger) && calls.maxInFlight === 1 && code === 0;
}

function isGood({ wrong, wrongCount, sessions }: ReadingLedger): boolean {
  for (const complaint of wrong.slice(0, 20)) say(complaint);
  return wrongCount === 0 && sessions > 1;
}

/** One line per minute, for people. */
async function progress(ledger: ReadingLedger, pid: number, signal: AbortSignal): Promise<void> {
  const pause = breaks(signal);
  for (let minute = 1; await pause(60); minute += 1) {
    const { memory, descriptors } = await processSize(pid);
    const { reads, wrongCount, sessions } = ledger;
    say(
      `${minute} min: ${reads} reads, ${wrongCount} wrong, ${sessions} sessions, ${memory} MB, ${descriptors} descriptors`,
    );
  }
}

say(`seed ${seed}`);
const workshop = await Workshop.open();
try {
  process.exitCode = (await soak(workshop)) ? 0 : 1;
} finally {
  await workshop.close();
}
