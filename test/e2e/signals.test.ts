import { existsSync } from 'node:fs';
import { readFile, rename } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { readCredentials } from '../support/imds-client.ts';
import { eventually } from '../support/program.ts';
import { onFreePort, type RunningEmulator, Workshop } from '../support/workshop.ts';

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

test('after SIGHUP, audit lines go to a new file if the old one was moved away', async () => {
  const file = path.join(workshop.directory, 'audit.jsonl');
  const { program, url } = await workshop.daemon(`${onFreePort(emulator.config)}\naudit: { file: '${file}' }\n`);
  await contains(file, 'session.granted');
  await rename(file, `${file}.1`);
  process.kill(program.pid, 'SIGHUP');
  // A user is recorded once, so wait until the new file exists.
  await eventually('the new file', 15_000, () => existsSync(file) || undefined);
  await readCredentials(url);
  await contains(file, 'credentials.read');
  expect(await readFile(file, 'utf8')).not.toContain('session.granted"');
});

test('audit: stderr writes its lines between log lines', async () => {
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
  const toggled = async (times: number): Promise<void> => {
    process.kill(program.pid, 'SIGUSR2');
    await eventually(`change ${times}`, 15_000, () =>
      program.log.filter(({ msg }) => msg === 'log level').length === times ? true : undefined,
    );
  };
  await toggled(2);
  await readCredentials(url);
  // A request of that time would have logged before this line.
  await toggled(3);
  const said = program.log.map(({ msg }) => msg).filter((msg) => msg === 'log level' || msg === 'imds request');
  expect(said.slice(-2)).toEqual(['log level', 'log level']);
});
