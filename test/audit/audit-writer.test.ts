import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { auditFile, type AuditSink } from '../../src/audit/audit-file.ts';
import { AuditWriter } from '../../src/audit/audit-writer.ts';
import { type Clock, systemClock } from '../../src/foundation/clock.ts';
import { recordingLog } from '../sessions/support.ts';
import { eventually } from '../support/program.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

async function place(): Promise<string> {
  const directory = await mkdtemp(path.join(tmpdir(), 'audit-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return path.join(directory, 'audit.jsonl');
}

function writerTo(sink: AuditSink, clock: Clock = systemClock) {
  const { log, lines } = recordingLog();
  return { writer: new AuditWriter({ sink, clock, log }), lines };
}

test('appends lines in order to a private file', async () => {
  const file = await place();
  for (const round of ['a', 'b']) {
    const { writer } = writerTo(await auditFile(file));
    for (let n = 0; n < 3; n += 1) writer.write(`${round}${n}\n`);
    await writer.close();
  }
  expect(await readFile(file, 'utf8')).toBe('a0\na1\na2\nb0\nb1\nb2\n');
  expect(((await stat(file)).mode & 0o777).toString(8)).toBe('600');
});

test("an incomplete line from a crash or a full disk does not damage the next process's lines", async () => {
  const file = await place();
  await writeFile(file, '{"line":0}\n{"li');
  const { writer } = writerTo(await auditFile(file));
  writer.write('{"line":2}\n');
  await writer.close();
  expect(await readFile(file, 'utf8')).toBe('{"line":0}\n{"li\n{"line":2}\n');
});

test('after a rotation, continues in a new file without losing a line', async () => {
  const file = await place();
  const { writer } = writerTo(await auditFile(file));
  writer.write('old\n');
  await eventually('the line', 10_000, async () => (await readFile(file, 'utf8')) || undefined);
  await rename(file, `${file}.1`);
  writer.write('old too\n');
  writer.reopen();
  writer.write('new\n');
  await writer.close();
  expect([await readFile(`${file}.1`, 'utf8'), await readFile(file, 'utf8')]).toEqual(['old\nold too\n', 'new\n']);
});

test('an incomplete line in the replacing file does not damage later lines', async () => {
  const file = await place();
  const { writer } = writerTo(await auditFile(file));
  await rename(file, `${file}.1`);
  await writeFile(file, '{"li');
  writer.reopen();
  writer.write('{"line":1}\n');
  await writer.close();
  expect(await readFile(file, 'utf8')).toBe('{"li\n{"line":1}\n');
});

test('a file that cannot be opened is an error at the start, and a log line later', async () => {
  await expect(auditFile('/nonexistent/audit.jsonl')).rejects.toMatchObject({ code: 'AUDIT_CANNOT_OPEN' });
  const file = await place();
  const sink = await auditFile(file);
  const { writer, lines } = writerTo(sink);
  await rm(path.dirname(file), { recursive: true });
  writer.reopen();
  await eventually('the line', 10_000, () => lines.find(({ fields }) => fields['code'] === 'AUDIT_CANNOT_OPEN'));
  writer.write('goes on\n');
  await writer.close();
  expect(lines).toHaveLength(1);
});

/** Accepts a limited number of bytes until it is opened. */
function smallDisk(room: number): {
  readonly sink: AuditSink;
  readonly written: () => string;
  readonly empty: () => void;
} {
  let text = '';
  let left = room;
  const write = (bytes: Buffer): Promise<number> => {
    if (left === 0) return Promise.reject(new Error('ENOSPC: no space left on device'));
    const taken = bytes.subarray(0, left);
    left -= taken.length;
    text += taken.toString();
    return Promise.resolve(taken.length);
  };
  const done = (): Promise<void> => Promise.resolve();
  return { sink: { write, reopen: done, close: done }, written: () => text, empty: () => (left = 10_000) };
}

test('a full disk is logged once, and then a gap has the number of missing lines', async () => {
  const disk = smallDisk(20);
  const { writer, lines } = writerTo(disk.sink);
  for (let n = 0; n < 5; n += 1) writer.write(`{"line":${n}}\n`);
  await eventually('the failure', 10_000, () => lines.at(0));
  await eventually('the last line', 10_000, () => (disk.written().length === 20 ? true : undefined));
  await new Promise((resolve) => setImmediate(resolve));
  disk.empty();
  writer.write('{"line":5}\n');
  await writer.close();
  expect(lines.map(({ level, fields }) => [level, fields['code'] ?? fields['lost']])).toEqual([
    ['error', 'AUDIT_NOT_WRITTEN'],
    ['info', 4],
  ]);
  expect(disk.written().split('\n')).toEqual([
    '{"line":0}',
    '{"line":1',
    expect.stringMatching(/^\{"schema":1,"time":".*","event":"audit\.gap","lost":4\}$/) as string,
    '{"line":5}',
    '',
  ]);
});

test('a hanging disk buffers a limited number of lines and delays nothing', async () => {
  const never = new Promise<never>(() => undefined);
  const clock = new VirtualClock();
  const sink = { write: () => never, reopen: () => never, close: () => never };
  const { writer, lines } = writerTo(sink, clock);
  for (let n = 0; n < 3_000; n += 1) writer.write('line\n');
  expect(lines.map(({ fields }) => fields['code'])).toEqual(['AUDIT_NOT_WRITTEN']);
  const closed = writer.close();
  await clock.advance(1_000);
  await closed;
});

test.skipIf(!existsSync('/dev/full'))('a full device on Linux', async () => {
  const file = await place();
  await symlink('/dev/full', file);
  const { writer, lines } = writerTo(await auditFile(file));
  writer.write('one\n');
  writer.write('two\n');
  await writer.close();
  expect(lines.map(({ fields }) => [fields['code'], String(fields['error']).includes('ENOSPC')])).toEqual([
    ['AUDIT_NOT_WRITTEN', true],
  ]);
});
