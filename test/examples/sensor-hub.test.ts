// examples/sensor-hub, with the scripts and the policies that are there.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { EXAMPLE_TOOLS_NAME, hasExampleTools } from '../support/moto.ts';
import { eventually } from '../support/program.ts';
import { describeWith } from '../support/tools.ts';
import { Stage } from './stage.ts';

describeWith(EXAMPLE_TOOLS_NAME, hasExampleTools(), 'the sensor hub', () => {
  let stage: Stage;

  beforeAll(async () => {
    stage = await Stage.open('sensor-hub', 'hub-17');
  }, 240_000);
  afterAll(() => stage.close());

  test('uploads below its own prefix only, in sessions of half an hour, also after a reboot without a line', async () => {
    const before = await stage.daemon();
    expect(await stage.run('python3', ['upload.py', 'hub-17', 'morning'])).toMatchObject({ code: 0 });
    const other = await stage.run('python3', ['upload.py', 'hub-18', 'morning']);
    expect(other.code).toBe(1);
    expect(other.output).toContain('s3:PutObject on resource: "arn:aws:s3:::snowy-readings/hubs/hub-18/morning.json"');

    await stage.line(false);
    await before.stop('SIGKILL');
    await stage.daemon();
    const after = await eventually('an upload', 60_000, async () => {
      const ended = await stage.run('python3', ['upload.py', 'hub-17', 'after-reboot']);
      return ended.code === 0 ? ended : undefined;
    });
    expect(after.output).toBe('uploaded hubs/hub-17/after-reboot.json\n');

    await stage.line(true);
    const events = await stage.events();
    const keyOf = new Map(
      events
        .filter(({ eventName, errorCode }) => eventName === 'CreateSession' && errorCode === undefined)
        .map(({ x509Subject, responseElements }) => [
          (responseElements as { credentials: { accessKeyId: string } }).credentials.accessKeyId,
          x509Subject,
        ]),
    );
    expect(keyOf.size).toBe(1);
    const puts = events.filter(({ eventName }) => eventName === 'PutObject');
    expect(puts.length).toBeGreaterThanOrEqual(3);
    for (const { userIdentity } of puts) {
      const { accessKeyId } = userIdentity as { accessKeyId: string };
      expect(keyOf.get(accessKeyId)).toBe('O=Snowy, CN=hub-17');
    }
  }, 240_000);

  test.each([
    [
      'as-in-tutorials',
      [
        'sts:AssumeRole: ',
        'sts:TagSession: ',
        'sts:SetSourceIdentity: ',
        'DeviceType wanted "sensor-hub", the request has no such key',
      ],
    ],
    ['without-tag-session', ['refuses sts:TagSession: ']],
    ['without-source-identity', ['refuses sts:SetSourceIdentity: ']],
    ['with-another-tag', ['sts:AssumeRole: ', 'Roles Anywhere sets x509Subject/']],
  ])('the trust policy %s is refused for its own reasons', async (role, reasons) => {
    const config = await stage.configuration((text) => text.replace('role/sensor-hub', `role/${role}`));
    const { code, output } = await stage.command('credential-process', '--config', config);
    expect(code).toBe(1);
    for (const reason of reasons) expect(output).toContain(reason);
  });
});
