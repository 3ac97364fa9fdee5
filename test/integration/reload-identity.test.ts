import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { eventually } from '../support/program.ts';
import { SdkLoad } from '../support/sdk-load.ts';
import { endpointOf, Scene, servedKey, servesSessionOf } from './reloading.ts';

describe('a new certificate', () => {
  test('is tried with one call, then every role renews with it, and clients notice nothing', async () => {
    const scene = await Scene.open();
    const [old, next] = [await scene.issue(), await scene.issue({ keys: 'RSA-2048' })];
    const daemon = await scene.start(scene.config(await scene.write(old), scene.role('one'), scene.role('two')));
    for (const name of ['one', 'two']) await servesSessionOf(daemon, name, old);
    const load = new SdkLoad(endpointOf(daemon, 'two').url, { clients: 5, everyMs: 50 });
    await scene.write(next);
    for (const name of ['one', 'two']) await servesSessionOf(daemon, name, next);
    await delay(300);
    await load.stop();
    expect(load.ledger.wrong).toEqual([]);
    expect(load.ledger.unavailable).toBe(0);
    expect(load.ledger.sessions).toBe(2);
    expect(await scene.calls()).toMatchObject({ total: 4, byStatus: { 201: 4 } });
    expect(scene.lines.filter(({ level }) => level === 'warn')).toEqual([]);
    expect(scene.lines.filter(({ message }) => message === 'new certificate in use')).toHaveLength(1);
  });

  test('that the service refuses leaves the old one in use, with a reason in the log', async () => {
    const scene = await Scene.open();
    const old = await scene.issue();
    const daemon = await scene.start(scene.config(await scene.write(old), scene.role('one'), scene.role('two')));
    for (const name of ['one', 'two']) await servesSessionOf(daemon, name, old);
    await scene.write(await scene.issue({}, await scene.untrusted()));
    const { level, fields } = await scene.says('RA_UNTRUSTED_SIGNING_CERTIFICATE');
    expect(level).toBe('warn');
    expect(fields).toMatchObject({ role: 'one', remedy: expect.any(String) as string });
    for (const name of ['one', 'two']) await servesSessionOf(daemon, name, old);
    // Two at the start, the trial, and the old one in its place.
    expect(await scene.calls()).toMatchObject({ total: 4, byStatus: { 201: 3, 403: 1 } });
    const good = await scene.issue();
    await scene.write(good);
    for (const name of ['one', 'two']) await servesSessionOf(daemon, name, good);
  });

  test('with another subject causes a warning before the trust policy refuses it', async () => {
    const scene = await Scene.open();
    const old = await scene.issue();
    const daemon = await scene.start(scene.config(await scene.write(old), scene.role('one')));
    await servesSessionOf(daemon, 'one', old);
    await scene.write(await scene.issue({ subject: 'CN=printer-7,OU=Devices,O=Example' }));
    await scene.says('RA_CANNOT_ASSUME_ROLE');
    const codes = scene.lines.filter(({ level }) => level === 'warn').map(({ fields }) => fields['code']);
    expect(codes).toEqual(['CERTIFICATE_SUBJECT_CHANGED', 'RA_CANNOT_ASSUME_ROLE']);
    await servesSessionOf(daemon, 'one', old);
  });

  test('is tried again after a network failure, which is no refusal', async () => {
    const scene = await Scene.open();
    const [old, next] = [await scene.issue(), await scene.issue()];
    const daemon = await scene.start(scene.config(await scene.write(old), scene.role('one')));
    await servesSessionOf(daemon, 'one', old);
    const held = await servedKey(endpointOf(daemon, 'one').url);
    await scene.faults({ createSession: { reset: true, times: 2 } });
    await scene.write(next);
    await servesSessionOf(daemon, 'one', next);
    expect(await servedKey(endpointOf(daemon, 'one').url)).not.toBe(held);
    expect(await scene.calls()).toMatchObject({ total: 4, byStatus: { 201: 2, dropped: 2 } });
  });

  test('that is withdrawn during its trial is replaced by the old one', async () => {
    const scene = await Scene.open();
    const [old, next] = [await scene.issue(), await scene.issue()];
    const daemon = await scene.start(scene.config(await scene.write(old), scene.role('one')));
    await servesSessionOf(daemon, 'one', old);
    const said = (words: string) => scene.lines.filter(({ message }) => message === words).length;
    await scene.faults({ createSession: { latencyMs: 3_000, times: 1 } });
    await scene.write(next);
    await eventually('the new one', 15_000, () => said('signing identity loaded') === 2 || undefined);
    await scene.write(old);
    await eventually('both in use', 15_000, () => said('new certificate in use') === 2 || undefined);
    await servesSessionOf(daemon, 'one', old);
    expect(await scene.calls()).toMatchObject({ total: 3, byStatus: { 201: 3 } });
  });

  test('after one that never got a session is used at once', async () => {
    const scene = await Scene.open();
    const config = scene.config(await scene.write(await scene.issue({}, await scene.untrusted())), scene.role('one'));
    const daemon = await scene.start(config);
    await scene.says('RA_UNTRUSTED_SIGNING_CERTIFICATE');
    const good = await scene.issue();
    await scene.write(good);
    await servesSessionOf(daemon, 'one', good);
    expect(await scene.calls()).toMatchObject({ byStatus: { 201: 1 } });
  });

  test('that comes after a start without any is used at once', async () => {
    const scene = await Scene.open();
    const good = await scene.issue();
    const config = scene.config(await scene.write(good), scene.role('one'));
    await scene.write({ ...good, certificatePem: '' });
    const daemon = await scene.start(config);
    await scene.says('FILE_EMPTY');
    await scene.write(good);
    await servesSessionOf(daemon, 'one', good);
  });
});
