import { readFile, rename } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { readCredentials } from '../support/imds-client.ts';
import { eventually } from '../support/program.ts';
import { Workshop, onFreePort, type RunningEmulator } from '../support/workshop.ts';

let workshop: Workshop;
let emulator: RunningEmulator;

beforeAll(async () => {
  workshop = await Workshop.open();
  emulator = await workshop.emulator();
  return workshop.close;
});

const contains = async (file: string, text: string): Promise<void> => {
  await eventually(`${text} in ${file}`, 15_000, async () =>
    (await readFile(file, 'utf8').catch(() => '')).includes(text) ? true : undefined,
  );
};

test('SIGHUP goes on in a new audit file, after the old one was moved away', async () => {
  const file = path.join(workshop.directory, 'audit.jsonl');
  const { program, url } = await workshop.daemon(`${onFreePort(emulator.config)}\naudit: { file: '${file}' }\n`);
  await contains(file, 'session.granted');
  await rename(file, `${file}.1`);
  process.kill(program.pid, 'SIGHUP');
  await eventually('a read in the new file', 15_000, async () => {
    await readCredentials(url);
    return (await readFile(file, 'utf8').catch(() => '')).includes('credentials.read') ? true : undefined;
  });
  expect(await readFile(file, 'utf8')).not.toContain('session.granted"');
});

test('audit: stderr puts its lines between those of the log', async () => {
  const { program } = await workshop.daemon(`${onFreePort(emulator.config)}\naudit: stderr\n`);
  await program.says(/\{"schema":1,"time":"[^"]+","event":"session\.granted",/);
});

test('SIGUSR2 turns the log of requests on and off again', async () => {
  const { program, url } = await workshop.daemon(onFreePort(emulator.config));
  await readCredentials(url);
  process.kill(program.pid, 'SIGUSR2');
  await program.says(/"msg":"log level"/);
  await readCredentials(url);
  await program.says(/"msg":"imds request"/);
  process.kill(program.pid, 'SIGUSR2');
  await eventually('the second change', 15_000, () =>
    program.log.filter(({ msg }) => msg === 'log level').length === 2 ? true : undefined,
  );
  const requests = (): number => program.log.filter(({ msg }) => msg === 'imds request').length;
  const before = requests();
  await readCredentials(url);
  // What was logged until then has come when this line has.
  process.kill(program.pid, 'SIGHUP');
  await program.says(/configuration applied/);
  expect(requests()).toBe(before);
});
