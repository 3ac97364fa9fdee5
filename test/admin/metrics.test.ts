import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { METRICS } from '../../src/admin/metric-catalogue.ts';
import { daemonMetrics } from '../../src/admin/metrics.ts';
import type { DaemonSnapshot } from '../../src/admin/snapshot.ts';
import type { Answered, Outcome } from '../../src/endpoints/answer.ts';
import { initialState } from '../../src/sessions/refresh-policy.ts';
import { failure, grantedSession, MINUTE } from '../sessions/support.ts';
import { describeWith, hasTool } from '../support/tools.ts';
import { certificate, granted, NOON, roleSnapshot, snapshot, troubled } from './support.ts';

const at = { role: 'uploader', endpoint: 'imds' };
const request = { method: 'GET', target: '/', headers: new Map(), local: { address: '127.0.0.1', port: 1 } };

function answer(
  resource: Outcome['resource'],
  status: Answered['status'],
  more: Pick<Outcome, 'session' | 'refusal'> = {},
): Answered {
  return { request, status, outcome: { resource, ...more } };
}

async function linesOf(metrics: ReturnType<typeof daemonMetrics>): Promise<string[]> {
  return (await metrics.page()).body.split('\n').filter((line) => line.startsWith('imds_anywhere_'));
}

describe('the state', () => {
  test('is computed for each scrape', async () => {
    const failing = troubled(granted, NOON + MINUTE);
    let seen: DaemonSnapshot = snapshot([
      roleSnapshot('uploader', failing),
      roleSnapshot('spare', initialState, false),
    ]);
    const metrics = daemonMetrics(() => seen);
    const lines = await linesOf(metrics);
    const noon = NOON / 1_000;
    expect(lines).toEqual(
      expect.arrayContaining([
        'imds_anywhere_ready 1',
        'imds_anywhere_degraded 1',
        'imds_anywhere_session_held{role="uploader",required="true"} 1',
        'imds_anywhere_session_held{role="spare",required="false"} 0',
        `imds_anywhere_session_expiration_timestamp_seconds{role="uploader"} ${noon + 3_600}`,
        `imds_anywhere_session_failing_since_timestamp_seconds{role="uploader",code="RA_UNREACHABLE"} ${noon + 60}`,
        `imds_anywhere_certificate_not_after_timestamp_seconds{which="used"} ${noon + 36 * 3_600}`,
      ]),
    );
    expect(lines.join('\n')).not.toMatch(/expiration_timestamp_seconds\{role="spare"|(identity|configuration)_fault\{/);

    seen = { ...seen, configurationFault: failure('soon', 'CONFIG_INVALID') };
    expect(await linesOf(metrics)).toContain('imds_anywhere_configuration_fault{code="CONFIG_INVALID"} 1');

    seen = snapshot([roleSnapshot('uploader', granted)], {
      candidate: certificate,
      fault: failure('soon', 'NO_CERTIFICATE'),
    });
    const later = await linesOf(metrics);
    expect(later).toContain('imds_anywhere_identity_fault{code="NO_CERTIFICATE"} 1');
    expect(later.join('\n')).not.toMatch(/failing_since_timestamp_seconds\{|role="spare"/);
    expect(later.join('\n')).toContain('not_after_timestamp_seconds{which="candidate"}');
  });
});

describe('events', () => {
  test('are counted', async () => {
    const metrics = daemonMetrics(() => snapshot([roleSnapshot('uploader', granted)]));
    const session = grantedSession(NOON);
    const create = { operation: 'CreateSession', identity: certificate } as const;
    metrics.exchanged('uploader', { ...create, durationMs: 250, outcome: { granted: true, session } });
    const assume = { operation: 'AssumeRole', identity: certificate } as const;
    metrics.exchanged('uploader', { ...assume, durationMs: 250, outcome: { granted: true, session } });
    const refusedCall = { granted: false, failure: failure('slow', 'RA_REFUSED') } as const;
    metrics.exchanged('uploader', { ...create, durationMs: 12_000, outcome: refusedCall });
    metrics.answered(at, answer('token', 200));
    metrics.answered(at, answer('token', 400));
    metrics.answered(at, answer('credentials', 200, { session }));
    metrics.answered(at, answer('credentials', 503));
    metrics.answered(at, answer('none', 403, { refusal: { code: 'ENDPOINT_HOST_REFUSED' } }));
    metrics.signed({ source: 'pkcs11', durationMs: 90, failure: undefined });
    metrics.signed({ source: 'pkcs11', durationMs: 10_000, failure: failure('soon', 'KEY_PROCESS_LATE') });
    expect(await linesOf(metrics)).toEqual(
      expect.arrayContaining([
        'imds_anywhere_signatures_total{source="pkcs11",outcome="made"} 1',
        'imds_anywhere_signatures_total{source="pkcs11",outcome="KEY_PROCESS_LATE"} 1',
        'imds_anywhere_signature_duration_seconds_bucket{le="0.1",source="pkcs11",outcome="made"} 1',
        'imds_anywhere_signature_duration_seconds_sum{source="pkcs11",outcome="failed"} 10',
        'imds_anywhere_create_session_calls_total{role="uploader",outcome="granted"} 1',
        'imds_anywhere_create_session_calls_total{role="uploader",outcome="RA_REFUSED"} 1',
        'imds_anywhere_create_session_duration_seconds_bucket{le="0.3",outcome="granted"} 1',
        'imds_anywhere_create_session_duration_seconds_bucket{le="10",outcome="failed"} 0',
        'imds_anywhere_create_session_duration_seconds_sum{outcome="failed"} 12',
        'imds_anywhere_endpoint_requests_total{role="uploader",endpoint="imds",resource="token",status="2xx"} 1',
        'imds_anywhere_endpoint_requests_total{role="uploader",endpoint="imds",resource="credentials",status="5xx"} 1',
        'imds_anywhere_endpoint_requests_total{role="uploader",endpoint="imds",resource="none",status="4xx"} 1',
        'imds_anywhere_endpoint_refused_total{role="uploader",endpoint="imds",code="ENDPOINT_HOST_REFUSED"} 1',
        'imds_anywhere_endpoint_tokens_issued_total{role="uploader",endpoint="imds"} 1',
      ]),
    );
  });
});

test('requests are added up over scrapes, by the class of their status', async () => {
  const metrics = daemonMetrics(() => snapshot([roleSnapshot('uploader', granted)]));
  const other = { role: 'spare', endpoint: 'imds' };
  for (const status of [200, 400, 405] as const) metrics.answered(at, answer('token', status));
  await linesOf(metrics);
  for (const where of [at, at, other]) metrics.answered(where, answer('token', 200));
  const lines = (await linesOf(metrics)).filter((line) => /_(requests|issued)_total\{/.test(line));
  expect(lines.toSorted()).toEqual([
    'imds_anywhere_endpoint_requests_total{role="spare",endpoint="imds",resource="token",status="2xx"} 1',
    'imds_anywhere_endpoint_requests_total{role="uploader",endpoint="imds",resource="token",status="2xx"} 3',
    'imds_anywhere_endpoint_requests_total{role="uploader",endpoint="imds",resource="token",status="4xx"} 2',
    'imds_anywhere_endpoint_tokens_issued_total{role="spare",endpoint="imds"} 1',
    'imds_anywhere_endpoint_tokens_issued_total{role="uploader",endpoint="imds"} 3',
  ]);
});

describeWith('promtool', hasTool('promtool', '--version'), 'promtool', () => {
  test('accepts names, types and help of all metrics', async () => {
    const metrics = daemonMetrics(() => snapshot([roleSnapshot('uploader', troubled(granted, NOON + MINUTE))]));
    metrics.answered(at, answer('none', 403, { refusal: { code: 'ENDPOINT_HOST_REFUSED' } }));
    metrics.answered(at, answer('token', 200));
    const { body } = await metrics.page();
    const { status, stderr } = spawnSync('promtool', ['check', 'metrics'], { input: body, encoding: 'utf8' });
    expect([status, stderr]).toEqual([0, '']);
  });
});

test('every metric has help and type, and no secret', async () => {
  const { type, body } = await daemonMetrics(() => snapshot([roleSnapshot('uploader', granted)])).page();
  expect(type).toBe('text/plain; version=0.0.4; charset=utf-8');
  for (const [name, { help, type: kind }] of Object.entries(METRICS))
    expect(body).toContain(`# HELP ${name} ${help}\n# TYPE ${name} ${kind}\n`);
  expect(body).toContain('process_resident_memory_bytes ');
  expect(body).not.toContain('marked-');
  expect(body).not.toContain('ASIA');
});
