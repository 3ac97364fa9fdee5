import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { readCredentials } from '../support/imds-client.ts';
import { eventually } from '../support/program.ts';
import { Scene, servedKey } from './reloading.ts';

type Fields = Record<string, unknown>;

test('its lines match those of the service', async () => {
  const scene = await Scene.open();
  await scene.faults({ createSession: { status: 503, times: 1 } });
  const file = path.join(scene.directory, 'audit.jsonl');
  const config = scene.config(await scene.write(await scene.issue()), scene.role('uploader'));
  const daemon = await scene.start({ ...config, audit: { to: 'file', path: file } });
  const url = daemon.roles[0]?.url ?? '';
  const key = await servedKey(url);
  const { document } = await readCredentials(url);
  const lines = await eventually('three lines', 15_000, async () => {
    const read = (await readFile(file, 'utf8')).split('\n').filter((line) => line !== '');
    return read.length >= 3 ? read : undefined;
  });
  const [refused, granted, ...reads] = lines.map((line) => JSON.parse(line) as Fields);
  expect(refused).toMatchObject({ event: 'session.refused', code: 'RA_UNAVAILABLE' });
  expect(granted).toMatchObject({ event: 'session.granted', accessKeyId: key, expiration: document?.Expiration });
  for (const read of reads)
    expect(read).toMatchObject({
      event: 'credentials.read',
      accessKeyId: key,
      endpoint: 'imds',
      client: `uid:${process.getuid?.() ?? ''}`,
    });

  const events = (await (await fetch(`${scene.endpoint}/_emulator/events`)).json()) as Fields[];
  const trail = events.find(
    ({ requestID, eventName }) => eventName === 'CreateSession' && requestID === granted?.['requestId'],
  );
  expect(trail?.['serial']).toBe(granted?.['certificateSerial']);
  expect(trail?.['responseElements']).toMatchObject({
    sourceIdentity: granted?.['sourceIdentity'],
    assumedRoleUser: { arn: granted?.['assumedRoleArn'] },
  });

  for (const secret of [document?.SecretAccessKey ?? '', document?.Token ?? ''])
    expect(lines.join('')).not.toContain(secret);
});

test('a daemon that cannot write its audit log does not start, and a changed file waits for a restart', async () => {
  const scene = await Scene.open();
  const config = scene.config(await scene.write(await scene.issue()), scene.role('uploader'));
  const nowhere = { to: 'file', path: '/nonexistent/audit.jsonl' } as const;
  await expect(scene.start({ ...config, audit: nowhere })).rejects.toMatchObject({ code: 'AUDIT_CANNOT_OPEN' });
  const daemon = await scene.start(config);
  await daemon.apply({ ...config, audit: nowhere });
  await scene.says('AUDIT_NEEDS_RESTART');
});
