import { styleText } from 'node:util';
import type { Status } from '../admin/status.ts';
import { systemClock } from '../foundation/clock.ts';
import { asCodedError } from '../foundation/errors.ts';
import { printable } from '../foundation/printable.ts';
import { writeReport } from './answer.ts';
import { commandError } from './command-errors.ts';
import { type AdminPlace, placeIn, requestStatus } from './status-request.ts';
import { type Paint, statusTable } from './status-table.ts';

export interface StatusFlags {
  readonly config?: string;
  readonly socket?: string;
  readonly url?: string;
  readonly watch?: boolean;
  readonly json?: boolean;
}

const EXIT_CODES: Readonly<Record<Status['readiness'], number>> = { ready: 0, degraded: 1, not_ready: 2 };
const WATCH_MS = 2_000;
const CLEAR = '\x1b[H\x1b[2J';

/** @returns the exit code. @throws CodedError if the daemon cannot be reached, unless watching. */
export async function printStatus(flags: StatusFlags): Promise<number> {
  const place = await placeOf(flags);
  const render = flags.json ? json : readable;
  // The reader, such as `head`, has closed the pipe.
  const enough = new AbortController();
  process.stdout.on('error', () => {
    enough.abort();
  });
  if (flags.watch) {
    await watch(place, { render, clear: process.stdout.isTTY && !flags.json ? CLEAR : '' }, enough.signal);
    return 0;
  }
  const status = await requestStatus(place);
  await writeReport(render(status));
  return EXIT_CODES[status.readiness];
}

interface View {
  readonly render: (status: Status) => string;
  /** Printed before each update. */
  readonly clear: string;
}

/** Until the reader closes the pipe. */
async function watch(place: AdminPlace, { render, clear }: View, enough: AbortSignal): Promise<void> {
  while (!enough.aborted) {
    process.stdout.write(clear + (await requestStatus(place).then(render, complaint)));
    await systemClock.sleep(WATCH_MS, enough);
  }
}

async function placeOf({ config: file, socket, url = 'http://127.0.0.1:9910' }: StatusFlags): Promise<AdminPlace> {
  if (socket !== undefined) return { socket };
  if (file === undefined) return { url };
  const { loadConfig } = await import('../config/load-config.ts');
  const { admin } = await loadConfig(file);
  if (!admin) throw commandError('ADMIN_NOT_CONFIGURED', `${file} has no "admin"`);
  return placeIn(admin);
}

function readable(status: Status): string {
  // hasColors() respects NO_COLOR and similar variables.
  const hasColours = process.stdout.isTTY && process.stdout.hasColors();
  const paint: Paint = (text, colour) => (hasColours ? styleText(colour, text) : text);
  return statusTable(status, paint);
}

function json(status: Status): string {
  return `${JSON.stringify(status)}\n`;
}

function complaint(error: unknown): string {
  const { code, message } = asCodedError(error);
  return printable(`${code}: ${message}\n`);
}
