import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Config } from '../../src/config/config.ts';
import { configError, ConfigInvalid } from '../../src/config/config-errors.ts';
import { ConfigReload } from '../../src/daemon/config-reload.ts';
import { endpointError } from '../../src/endpoints/endpoint-errors.ts';
import { filesDigest } from '../../src/files/files-digest.ts';
import type { CodedError } from '../../src/foundation/errors.ts';
import { recordingLog, SECOND } from '../sessions/support.ts';
import { configOf } from '../support/configuration.ts';

const POLL = 30 * SECOND;
const SETTLING = SECOND;

const config = configOf();

/** A file, and the results of reading and applying it. */
async function following() {
  const directory = await mkdtemp(path.join(tmpdir(), 'imds-anywhere-config-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  const file = path.join(directory, 'config.yaml');
  await writeFile(file, 'first');
  const outcome: { error?: Error } = {};
  const applied: Config[] = [];
  const faults: (CodedError['code'] | undefined)[] = [];
  let reads = 0;
  const { log, lines } = recordingLog();
  const reload = new ConfigReload(
    {
      digest: () => filesDigest([file]),
      read: () => {
        reads += 1;
        return outcome.error ? Promise.reject(outcome.error) : Promise.resolve(config);
      },
      apply: (wanted) => Promise.resolve(void applied.push(wanted)),
      noted: (fault) => void faults.push(fault?.code),
      log,
    },
    await filesDigest([file]),
  );
  return {
    reload,
    outcome,
    applied,
    faults,
    lines,
    reads: () => reads,
    write: (text: string) => writeFile(file, text),
  };
}

describe('following a configuration file', () => {
  test('an unchanged file is not read', async () => {
    const { reload, reads } = await following();
    expect([await reload.look(), await reload.look(), reads()]).toEqual([POLL, POLL, 0]);
  });

  test('a changed file is applied after one second without changes', async () => {
    const { reload, applied, write } = await following();
    await write('sec');
    expect(await reload.look()).toBe(SETTLING);
    await write('second');
    expect(await reload.look()).toBe(SETTLING);
    expect(applied).toEqual([]);
    expect(await reload.look()).toBe(POLL);
    expect(await reload.look()).toBe(POLL);
    expect(applied).toEqual([config]);
  });

  test('a requested reload happens at once, changed or not', async () => {
    const { reload, applied } = await following();
    reload.ask();
    expect(await reload.look()).toBe(POLL);
    expect(await reload.look()).toBe(POLL);
    expect(applied).toHaveLength(1);
  });

  test('an invalid file changes nothing, and every problem is logged once', async () => {
    const { reload, outcome, applied, faults, lines, write } = await following();
    outcome.error = new ConfigInvalid('config.yaml', [
      { key: 'roles[0].roleArn', place: '4:5', error: configError('CONFIG_MISSING_KEY', 'it is missing') },
      { key: 'log.level', place: '9:3', error: configError('CONFIG_WRONG_VALUE', 'it is loud') },
    ]);
    await write('broken');
    for (let look = 0; look < 5; look += 1) await reload.look();
    expect(applied).toEqual([]);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatchObject({ level: 'error', fields: { code: 'CONFIG_INVALID' } });
    expect(lines[0]?.fields['problems']).toMatchObject([
      { key: 'roles[0].roleArn', place: '4:5', code: 'CONFIG_MISSING_KEY' },
      { key: 'log.level', place: '9:3', code: 'CONFIG_WRONG_VALUE' },
    ]);
    reload.ask();
    await reload.look();
    expect(lines).toHaveLength(2);
    expect(faults).toEqual(['CONFIG_INVALID', 'CONFIG_INVALID']);
  });

  test('a missing file changes nothing', async () => {
    const { reload, outcome, applied, lines, write } = await following();
    outcome.error = configError('CONFIG_UNREADABLE', 'it is gone');
    await write('');
    await reload.look();
    await reload.look();
    expect(applied).toEqual([]);
    expect(lines).toMatchObject([{ fields: { code: 'CONFIG_UNREADABLE' } }]);
  });

  test('with an address in use, every look retries, and the log has one line', async () => {
    const { reload, outcome, applied, faults, lines, reads, write } = await following();
    outcome.error = endpointError('ENDPOINT_ADDRESS_IN_USE', 'it is taken');
    await write('second');
    for (let look = 0; look < 4; look += 1) await reload.look();
    expect([reads(), lines.length]).toEqual([3, 1]);
    delete outcome.error;
    await reload.look();
    await reload.look();
    expect(applied).toHaveLength(1);
    expect(faults.slice(-2)).toEqual(['ENDPOINT_ADDRESS_IN_USE', undefined]);
  });
});
