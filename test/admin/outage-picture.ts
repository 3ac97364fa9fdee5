// Draws docs/status-page.png: the page of a daemon that had a day on a fast clock, with an outage in
// the morning, another one now, and a role that the emulator refuses. Prints what `status` shows.

import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { requestStatus } from '../../src/commands/status-request.ts';
import { statusTable } from '../../src/commands/status-table.ts';
import { loadConfig } from '../../src/config/load-config.ts';
import { startDaemon } from '../../src/daemon/daemon.ts';
import { openAccount } from '../../src/emulator/account/new-account.ts';
import { buildEmulator } from '../../src/emulator/server.ts';
import { type Clock, systemClock } from '../../src/foundation/clock.ts';
import { fastClock } from '../identity/fast-clock.ts';
import { Browser } from '../support/browser.ts';
import { smallPng } from './small-png.ts';

/** A day in four minutes, and then as fast as any clock. */
const TIMES = 360;
const HOUR_MS = 3_600_000;

let fast: Clock | undefined = fastClock(TIMES);
let slow: Clock = systemClock;
const clock: Clock = {
  now: () => (fast ?? slow).now(),
  monotonic: () => (fast ?? slow).monotonic(),
  sleep: (ms, signal) => (fast ?? slow).sleep(ms, signal),
};
const directory = await mkdtemp(path.join(tmpdir(), 'imds-anywhere-picture-'));
const account = await openAccount(path.join(directory, 'account'), clock.now());
const emulator = buildEmulator({ account, clock, log: () => undefined });
emulator.listen(0, '127.0.0.1');
await once(emulator, 'listening');
const endpoint = `http://127.0.0.1:${(emulator.address() as AddressInfo).port}`;

const file = path.join(directory, 'config.yaml');
await writeFile(
  file,
  `identity: { certificate: account/device.pem, privateKey: account/device.key }
rolesAnywhere:
  endpoint: ${endpoint}
  trustAnchorArn: ${account.trustAnchors[0]?.arn ?? ''}
  profileArn: ${account.profiles[0]?.arn ?? ''}
roles:
  - { name: uploader, roleArn: "${account.roles[0]?.arn ?? ''}", imds: { listen: "127.0.0.1:0" } }
  - { name: reader, roleArn: "arn:aws:iam::111122223333:role/Reader", required: false, imds: { listen: "127.0.0.1:0" } }
admin: { listen: "127.0.0.1:0" }
`,
);
const daemon = await startDaemon(await loadConfig(file), {
  ...{ clock, random: Math.random, environment: {}, userAgent: 'imds-anywhere-picture', log: () => undefined },
});
const [url = ''] = daemon.adminAddresses;

const faults = (body: object): Promise<Response> =>
  fetch(`${endpoint}/_emulator/faults`, { method: 'PUT', body: JSON.stringify(body) });
const hours = (count: number): Promise<void> => clock.sleep(count * HOUR_MS);

await hours(9);
await faults({ createSession: { status: 503 } });
await hours(2.2);
await faults({});
await hours(11.4);
await faults({ createSession: { reset: true } });
await hours(0.5);

// From here on at real speed: on the fast clock, the daemon gives up reading a file after 28 ms.
const [passed, real] = [clock.monotonic(), fastClock(1, clock.now())];
slow = { ...real, monotonic: () => passed + real.monotonic() };
fast = undefined;

const browser = await Browser.open();
await browser.send('Emulation.setDeviceMetricsOverride', {
  ...{ width: 820, height: 100, deviceScaleFactor: 1, mobile: false },
});
let text = 'FILES_SLOW';
while (text.includes('FILES_SLOW') || !text.includes('calls')) {
  await browser.send('Page.navigate', { url });
  await clock.sleep(1_000);
  text = String(await browser.value('document.body.innerText'));
}
await writeFile('docs/status-page.png', smallPng(await browser.picture()));
process.stdout.write(statusTable(await requestStatus({ url }), (line) => line));
await browser.close();
await daemon.stop();
emulator.close();
emulator.closeAllConnections();
await rm(directory, { recursive: true });
