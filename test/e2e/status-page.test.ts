import { beforeAll, describe, expect, it, onTestFinished, test } from 'vitest';
import { Browser } from '../support/browser.ts';
import { freePort } from '../support/free-port.ts';
import { makeAuthority } from '../support/pki.ts';
import { eventually } from '../support/program.ts';
import { rawExchange, requestBytes } from '../support/raw-http.ts';
import { describeWith, hasTool } from '../support/tools.ts';
import { onFreePort, type RunningEmulator, Workshop } from '../support/workshop.ts';

const PATIENCE_MS = 30_000;
/** A browser starts, and several changes are waited for. */
const TEST_MS = { timeout: 180_000 };

let workshop: Workshop;
let emulator: RunningEmulator;

beforeAll(async () => {
  workshop = await Workshop.open();
  emulator = await workshop.emulator();
  return workshop.close;
});

interface Served {
  readonly url: string;
  readonly stop: () => Promise<unknown>;
}

async function served(config: string, port = 0): Promise<Served> {
  const { program } = await workshop.daemon(`${onFreePort(config)}\nadmin: { listen: "127.0.0.1:${port}" }\n`);
  const [, url = ''] = await program.says(/"admin":\["(http:[^"]+)"/);
  await program.says(/role session granted|could not get a role session/);
  return { url, stop: () => program.stop() };
}

async function shown(url: string): Promise<Browser> {
  const browser = await Browser.open();
  onTestFinished(() => browser.close());
  await browser.send('Page.navigate', { url });
  await eventually(
    'the page',
    PATIENCE_MS,
    async () => (await browser.value('!!document.querySelector("main")')) || undefined,
  );
  return browser;
}

const saysInTime = (browser: Browser, text: string): Promise<unknown> =>
  eventually(`${text} on the page`, PATIENCE_MS, async () =>
    String(await browser.value('document.body.innerText')).includes(text) ? true : undefined,
  );

test('a request from another site gets no page', async () => {
  const { url } = await served(emulator.config);
  const { port, host } = new URL(url);
  const ask = (site: string): Promise<{ status: number; body: string }> =>
    rawExchange(
      Number(port),
      requestBytes('GET', '/', [
        ['Host', host],
        ['Sec-Fetch-Site', site],
      ]),
    );
  expect((await ask('cross-site')).status).toBe(403);
  expect((await ask('none')).status).toBe(200);
  expect((await ask('same-origin')).status).toBe(200);
});

describeWith('chromium', hasTool('chromium', '--version'), 'the status page in a browser', () => {
  test('shows the state, loads nothing else and breaks no rule of its policy', TEST_MS, async () => {
    const { url } = await served(emulator.config);
    const browser = await shown(url);
    await saysInTime(browser, '1 of 1 role fresh');
    expect(await browser.value('document.title')).toBe('ready - imds-anywhere');
    expect(await browser.value('document.querySelectorAll("rect.good").length')).toBeGreaterThanOrEqual(3);
    const elsewhere = browser.requested.filter((each) => each !== `${url}/` && each !== `${url}/favicon.ico`);
    expect(elsewhere).toEqual([]);
    expect(browser.complaints.filter((each) => !each.includes('favicon.ico'))).toEqual([]);
  });

  test('shows a hostile certificate as text', TEST_MS, async () => {
    const subject = 'CN=<img src=x onerror=document.title=1>, OU=<script>alert(1)</script>';
    const device = await (await makeAuthority()).issue({ subject });
    const certificate = await workshop.write('hostile.pem', device.certificatePem);
    const privateKey = await workshop.write('hostile.key', device.keyPem);
    const config = emulator.config
      .replace(/certificate: .*/, `certificate: ${certificate}`)
      .replace(/privateKey: .*/, `privateKey: ${privateKey}`);
    const browser = await shown((await served(config)).url);
    await saysInTime(browser, 'img src=x onerror=document.title=1');
    await saysInTime(browser, 'alert(1)');
    expect(await browser.value('document.querySelectorAll("script, img").length')).toBe(1);
    expect(await browser.value('document.title')).toBe('not ready - imds-anywhere');
  });

  test('follows the daemon without a reload: an outage, its end, and its start', TEST_MS, async () => {
    const port = await freePort();
    const { config } = await workshop.emulator('--grant-seconds', '6');
    const { stop } = await served(config, port);
    const browser = await shown(`http://127.0.0.1:${port}/`);
    await browser.value('globalThis.mark = 1');
    const [, endpoint = ''] = /endpoint: (http:\S+)/.exec(config) ?? [];
    const faults = (body: object): Promise<Response> =>
      fetch(`${endpoint}/_emulator/faults`, { method: 'PUT', body: JSON.stringify(body) });
    await faults({ createSession: { status: 403 } });
    await saysInTime(browser, 'RA_REFUSED');
    await stop();
    await saysInTime(browser, 'The daemon does not answer.');
    await saysInTime(browser, 'RA_REFUSED');
    await faults({});
    await served(config, port);
    await saysInTime(browser, '1 of 1 role fresh');
    expect(await browser.value('getComputedStyle(document.querySelector(".lost")).display')).toBe('none');
    expect(await browser.value('globalThis.mark')).toBe(1);
  });

  describe('is readable', () => {
    /** WCAG 2.1: the ratio of two colours such as `rgb(1, 2, 3)`; 4.5 is enough for text. */
    const CONTRAST = `
      const light = (colour) => {
        const [r, g, b] = colour.match(/[\\d.]+/g).map((part) => {
          const share = part / 255;
          return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
      };
      const ratio = (one, other) => {
        const [low, high] = [light(one), light(other)].sort((a, b) => a - b);
        return (high + 0.05) / (low + 0.05);
      };
      const back = getComputedStyle(document.querySelector('section')).backgroundColor;
      const probe = document.querySelector('section').appendChild(document.createElement('span'));
      const colours = ['', 'good', 'warn', 'bad'].map((name) => ((probe.className = name), getComputedStyle(probe).color));
      Math.min(...[...colours, getComputedStyle(document.querySelector('small')).color].map((colour) => ratio(colour, back)))`;

    it.each(['light', 'dark'])('in %s colours', TEST_MS, async (scheme) => {
      const { url } = await served(emulator.config);
      const browser = await shown(url);
      await browser.send('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: scheme }] });
      const [red] = String(await browser.value('getComputedStyle(document.body).backgroundColor')).match(/\d+/) ?? [];
      expect(Number(red) > 128).toBe(scheme === 'light');
      expect(await browser.value(`{ ${CONTRAST} }`)).toBeGreaterThanOrEqual(4.5);
    });

    it('on a telephone', TEST_MS, async () => {
      const { url } = await served(emulator.config);
      const browser = await shown(url);
      await browser.send('Emulation.setDeviceMetricsOverride', {
        width: 320,
        height: 640,
        deviceScaleFactor: 2,
        mobile: true,
      });
      expect(await browser.value('innerWidth')).toBe(320);
      expect(await browser.value('document.documentElement.scrollWidth')).toBeLessThanOrEqual(320);
      expect(await browser.value('parseFloat(getComputedStyle(document.body).fontSize)')).toBeGreaterThanOrEqual(16);
    });
  });
});
