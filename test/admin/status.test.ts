import { createSecretKey } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { readinessOf } from '../../src/admin/readiness.ts';
import { statusOf } from '../../src/admin/status.ts';
import { statusLine } from '../../src/admin/status-line.ts';
import type { AssumeConfig } from '../../src/config/config.ts';
import { readCertificate } from '../../src/identity/certificate.ts';
import { afterGrant, initialState } from '../../src/sessions/refresh-policy.ts';
import { failure, grantedSession, HOUR, MINUTE } from '../sessions/support.ts';
import { makeAuthority, makeKeys } from '../support/pki.ts';
import { certificate, granted, NOON, refused, roleSnapshot, snapshot, troubled } from './support.ts';

const fresh = roleSnapshot('uploader', granted);
const failing = roleSnapshot('reader', troubled(granted, NOON + MINUTE));
const starting = roleSnapshot('reader', initialState);
const without = roleSnapshot('reader', refused);
const optional = roleSnapshot('reader', refused, false);
const unapplied = { ...snapshot([fresh]), configurationFault: failure('soon', 'CONFIG_INVALID') };
const refusal = { failure: failure('slow', 'RA_CERTIFICATE_REVOKED'), restsUntil: NOON + 15 * MINUTE };

describe('readiness', () => {
  test.each([
    ['every role is fresh', [fresh], 'ready'],
    ['a renewal fails, and the session is still good', [fresh, failing], 'degraded'],
    ['a required role has had no session yet', [fresh, starting], 'not_ready'],
    ['a required role gets none', [fresh, without], 'not_ready'],
    ['a role that is not required gets none', [fresh, optional], 'degraded'],
    ['there is nothing but roles that are not required', [optional], 'degraded'],
  ] as const)('%s', (_, roles, readiness) => {
    expect(readinessOf(snapshot(roles))).toBe(readiness);
  });

  test('an expired session counts as none', () => {
    const expired = { ...fresh, current: undefined };
    expect(readinessOf(snapshot([expired]))).toBe('not_ready');
    expect(statusOf(snapshot([expired])).roles[0]?.condition).toBe('no_session');
  });

  test('a refused certificate or unusable files need attention', () => {
    expect(readinessOf(snapshot([fresh], { candidate: certificate, refusal }))).toBe('degraded');
    expect(readinessOf(snapshot([fresh], { fault: failure('soon', 'NO_CERTIFICATE') }))).toBe('degraded');
  });

  test('a rejected configuration needs attention', () => {
    expect(readinessOf(unapplied)).toBe('degraded');
  });
});

describe('the summary line', () => {
  test.each([
    [[fresh], '1 of 1 role fresh; next renewal 12:24 UTC'],
    [[fresh, failing], '1 of 2 roles fresh; reader: renewal failing (RA_UNREACHABLE); next retry 12:01 UTC'],
    [[starting], '0 of 1 role fresh; reader: starting; next renewal 12:00 UTC'],
    [[fresh, without], '1 of 2 roles fresh; reader: no session (RA_UNREACHABLE); next retry 12:00 UTC'],
  ] as const)('%#', (roles, line) => {
    expect(statusLine(snapshot(roles))).toBe(line);
  });

  test('names the problem of the certificate', () => {
    const line = statusLine(snapshot([fresh], { refusal, fault: failure('soon', 'NO_CERTIFICATE') }));
    expect(line).toContain('; new certificate refused (RA_CERTIFICATE_REVOKED); ');
    expect(line).toContain('; certificate and key rejected (NO_CERTIFICATE); ');
  });

  test('names the problem of the configuration', () => {
    expect(statusLine(unapplied)).toContain('; new configuration rejected (CONFIG_INVALID); ');
  });
});

describe('status', () => {
  test('has roles, sessions and certificate', () => {
    const status = statusOf(snapshot([fresh]));
    expect(status).toMatchObject({ schema: 1, time: '2026-11-22T12:00:00Z', startedAt: '2026-11-22T11:00:00Z' });
    expect(status.identity.certificate).toMatchObject({
      subject: 'CN=device-0001',
      serial: '01',
      daysLeft: 1.5,
    });
    expect(status.roles).toEqual([
      {
        name: 'uploader',
        roleArn: 'arn:aws:iam::123456789012:role/uploader',
        required: true,
        condition: 'fresh',
        session: {
          accessKeyId: 'ASIAEXAMPLE000000001',
          assumedRoleArn: 'arn:aws:sts::123456789012:assumed-role/Device/1000',
          sourceIdentity: 'CN=device-0001',
          grantedAt: '2026-11-22T12:00:00Z',
          expiration: '2026-11-22T13:00:00Z',
        },
        firstHop: null,
        nextCall: '2026-11-22T12:24:00Z',
        failure: null,
        endpoints: [{ kind: 'imds', url: 'http://127.0.0.1:9911' }],
        calls: [],
      },
    ]);
  });

  test('shows both hops of a chained role', () => {
    const first = troubled(afterGrant(grantedSession(NOON, HOUR, 'ASIAFIRST'), 0, false), NOON, 'RA_UNAVAILABLE');
    const role = { ...fresh.role, assume: { roleArn: 'arn:aws:iam::210987654321:role/deploy' } as AssumeConfig };
    const [chained] = statusOf(snapshot([{ ...fresh, role, firstHop: first }])).roles;
    expect(chained).toMatchObject({
      roleArn: 'arn:aws:iam::210987654321:role/deploy',
      condition: 'fresh',
      session: { accessKeyId: 'ASIAEXAMPLE000000001' },
      firstHop: {
        roleArn: 'arn:aws:iam::123456789012:role/uploader',
        session: { accessKeyId: 'ASIAFIRST' },
        failure: { code: 'RA_UNAVAILABLE' },
      },
    });
    const later = { ...snapshot([{ ...fresh, role, firstHop: first }]), now: NOON + HOUR };
    expect(statusOf(later).roles[0]?.firstHop?.session).toBeNull();
  });

  test('shows code, remedy and start of a failure', () => {
    const later = troubled(troubled(granted, NOON), NOON + MINUTE, 'RA_UNAVAILABLE');
    expect(statusOf(snapshot([roleSnapshot('uploader', later)])).roles[0]?.failure).toEqual({
      code: 'RA_UNAVAILABLE',
      error: 'it failed',
      remedy: 'fix it',
      operation: null,
      requestId: null,
      attempts: 2,
      since: '2026-11-22T12:00:00Z',
      last: '2026-11-22T12:01:00Z',
    });
  });

  test('shows why the configuration on disk is not in use', () => {
    expect(statusOf(snapshot([fresh])).configurationFault).toBeNull();
    expect(statusOf(unapplied).configurationFault).toEqual({
      code: 'CONFIG_INVALID',
      error: 'it failed',
      remedy: 'fix it',
    });
  });

  test('shows why there is no identity yet', () => {
    const identity = { used: undefined, fault: failure('soon', 'NO_CERTIFICATE') };
    expect(statusOf(snapshot([starting], identity)).identity).toEqual({
      certificate: null,
      candidate: null,
      fault: { code: 'NO_CERTIFICATE', error: 'it failed', remedy: 'fix it' },
      signature: { made: null, failed: null },
      renewal: null,
    });
  });

  test('shows where the key is, its last signature and its last failure', () => {
    const { publicKey } = makeKeys('P-256');
    const secret = createSecretKey(Buffer.from('marked-pin'));
    const key = { kind: 'pkcs11', uri: 'pkcs11:token=dev', module: '/usr/lib/token.so', secret, publicKey } as const;
    const signatures = {
      made: { at: NOON, durationMs: 88.4 },
      failed: { at: NOON - MINUTE, failure: failure('soon', 'PKCS11_TOKEN_GONE') },
    };
    const status = statusOf(snapshot([fresh], { used: { ...certificate, key }, signatures }));
    expect(status.identity.certificate?.key).toEqual({ source: 'pkcs11', name: 'pkcs11:token=dev' });
    expect(status.identity.signature).toEqual({
      made: { at: '2026-11-22T12:00:00Z', milliseconds: 88 },
      failed: { code: 'PKCS11_TOKEN_GONE', error: 'it failed', remedy: 'fix it', at: '2026-11-22T11:59:00Z' },
    });
    expect(JSON.stringify(status)).not.toContain('marked-');
    expect(statusOf(snapshot([fresh])).identity.certificate?.key).toEqual({ source: 'file', name: null });
  });

  test('shows the refusal and the next trial of a candidate', () => {
    const { candidate } = statusOf(snapshot([fresh], { candidate: certificate, refusal })).identity;
    expect(candidate?.refusal).toMatchObject({ code: 'RA_CERTIFICATE_REVOKED', nextTrial: '2026-11-22T12:15:00Z' });
  });

  test("shows the subjects of the chain in the form of the certificate's issuer, with their ends", async () => {
    const intermediate = await (await makeAuthority()).subordinate('Intermediate');
    const used = { ...certificate, chain: [intermediate.certificateDer] };
    const subject = readCertificate((await intermediate.issue()).certificateDer).issuerText;
    expect(statusOf(snapshot([fresh], { used })).identity.certificate?.chain).toEqual([
      { subject, notAfter: '2045-01-01T00:00:00Z' },
    ]);
  });

  test('contains no secret', () => {
    const text = JSON.stringify(statusOf(snapshot([fresh, failing, without])));
    expect(text).not.toContain('marked-');
    expect(text).not.toContain('[secret]');
  });
});
