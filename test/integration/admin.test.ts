import { expect, test } from 'vitest';
import type { Config } from '../../src/config/config.ts';
import { eventually } from '../support/program.ts';
import { Scene, servedKey } from './reloading.ts';

const ADMIN: Pick<Config, 'admin'> = { admin: { listen: { host: '127.0.0.1', port: 0 }, allowedHosts: [] } };

interface Seen {
  readonly readiness: string;
  readonly identity: {
    readonly certificate: { readonly subject: string } | null;
    readonly fault: { readonly code: string } | null;
  };
  readonly roles: readonly {
    readonly name: string;
    readonly condition: string;
    readonly session: { readonly accessKeyId: string } | null;
    readonly failure: { readonly code: string; readonly attempts: number } | null;
  }[];
}

test('a daemon reports its state: without a session, with one, and when a role is refused', async () => {
  const scene = await Scene.open();
  await scene.faults({ createSession: { status: 503, times: 1 } });
  const [uploader, reader] = [scene.role('uploader'), scene.role('reader', { required: false })];
  const config = { ...scene.config(await scene.write(await scene.issue()), uploader), ...ADMIN };
  const daemon = await scene.start(config);
  const [address = ''] = daemon.adminAddresses;
  const status = async (): Promise<Seen> => (await fetch(`${address}/status`)).json() as Promise<Seen>;
  const readyz = async (): Promise<number> => (await fetch(`${address}/readyz`)).status;

  await eventually('readiness', 15_000, async () => ((await readyz()) === 200 ? true : undefined));
  const held = await status();
  expect(held.readiness).toBe('ready');
  expect(held.identity.certificate?.subject).toContain('CN=device-0001');
  expect(held.roles[0]?.session?.accessKeyId).toBe(await servedKey(daemon.roles[0]?.url ?? ''));

  await scene.faults({ createSession: { status: 403 } });
  await daemon.apply({ ...config, roles: [uploader, reader] });
  const seen = await eventually('the refusal', 15_000, async () => {
    const now = await status();
    return now.roles.some(({ failure }) => failure) ? now : undefined;
  });
  expect(seen.readiness).toBe('degraded');
  expect(seen.roles.find(({ name }) => name === 'reader')).toMatchObject({ condition: 'no_session', session: null });
  expect(await readyz()).toBe(200);
  await daemon.apply({ ...config, roles: [uploader, { ...reader, required: true }] });
  expect(await readyz()).toBe(503);
});

test('calls and requests are counted', async () => {
  const scene = await Scene.open();
  await scene.faults({ createSession: { status: 503, times: 1 } });
  const config = { ...scene.config(await scene.write(await scene.issue()), scene.role('uploader')), ...ADMIN };
  const daemon = await scene.start(config);
  const url = daemon.roles[0]?.url ?? '';
  await servedKey(url);
  await fetch(`${url}/latest/meta-data/`, { headers: { 'sec-fetch-site': 'cross-site' } });
  const answer = await fetch(`${daemon.adminAddresses[0] ?? ''}/metrics`);
  const text = await answer.text();
  const value = (series: string): number => Number(new RegExp(`^${series} (\\S+)$`, 'm').exec(text)?.[1]);
  expect(value('imds_anywhere_create_session_calls_total{role="uploader",outcome="granted"}')).toBe(1);
  expect(value('imds_anywhere_create_session_calls_total{role="uploader",outcome="RA_UNAVAILABLE"}')).toBe(1);
  const requests = (resource: string, status: string): string =>
    `imds_anywhere_endpoint_requests_total{role="uploader",endpoint="imds",resource="${resource}",status="${status}"}`;
  expect(value(requests('credentials', '2xx'))).toBe(1);
  expect(value('imds_anywhere_endpoint_tokens_issued_total{role="uploader",endpoint="imds"}')).toBeGreaterThan(0);
  expect(
    value('imds_anywhere_endpoint_refused_total{role="uploader",endpoint="imds",code="ENDPOINT_BROWSER_REFUSED"}'),
  ).toBe(1);
  expect(value('imds_anywhere_ready')).toBe(1);
});

test('unusable files are reported, and a changed address waits for a restart', async () => {
  const scene = await Scene.open();
  const identity = { certificate: '/nonexistent/tls.crt', allowReadableKey: false };
  const config = { ...scene.config(identity, scene.role('uploader')), ...ADMIN };
  const daemon = await scene.start(config);
  const [address = ''] = daemon.adminAddresses;
  const fault = await eventually('the fault', 15_000, async () => {
    const { identity: shown } = (await (await fetch(`${address}/status`)).json()) as Seen;
    return shown.fault ?? undefined;
  });
  expect(fault.code).toBe('FILE_MISSING');
  await daemon.apply({ ...config, admin: { listen: { host: '127.0.0.1', port: 1 }, allowedHosts: [] } });
  await scene.says('ADMIN_NEEDS_RESTART');
  expect((await fetch(`${address}/livez`)).status).toBe(200);
  await daemon.stop();
  await expect(fetch(`${address}/livez`)).rejects.toThrow();
});
