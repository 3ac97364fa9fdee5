import { describe, expect, test } from 'vitest';
import { judgedStatus } from '../../src/doctor/daemon-status.ts';
import { judgedDocument } from '../../src/doctor/endpoint-steps.ts';
import { judgedClock } from '../../src/doctor/network-steps.ts';
import { judgedUnit } from '../../src/doctor/program-steps.ts';
import { causesOf } from '../../src/doctor/refusal-causes.ts';
import type { DaemonReport } from '../../src/doctor/step.ts';
import { stateIn } from '../../src/platform/service-unit.ts';

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5);
const dateAfter = (ms: number): string => new Date(NOW + ms).toUTCString();

describe('the clock', () => {
  test.each([0, 299_000, -299_000])('is right with %i ms', (ms) => {
    const { findings, learned } = judgedClock([['https://a', dateAfter(ms)]], NOW);
    expect({ findings, learned }).toEqual({ findings: [], learned: { facts: ['clock'] } });
  });

  test.each([301_000, -301_000, 86_400_000])('is wrong with %i ms', (ms) => {
    const { findings, learned } = judgedClock([['https://a', dateAfter(ms)]], NOW);
    expect(findings).toMatchObject([{ severity: 'error', code: 'RA_CLOCK_OFF' }]);
    expect(learned).toEqual({ facts: [] });
  });

  test('is not known without a date, even if another endpoint sends one', () => {
    const { findings, unchecked, learned } = judgedClock(
      [
        ['https://a', undefined],
        ['https://b', dateAfter(0)],
      ],
      NOW,
    );
    expect({ findings, unchecked, learned }).toEqual({
      findings: [],
      unchecked: ['https://a sends no date'],
      learned: { facts: [] },
    });
  });
});

describe('the causes of a refusal', () => {
  test('are all left if nothing is known', () => {
    const { left, ruledOut } = causesOf('RA_REFUSED', []);
    expect(left).toHaveLength(5);
    expect(ruledOut).toEqual([]);
  });

  test('that need several facts are ruled out by all of them only', () => {
    const dates = 'the certificate is outside its dates';
    expect(causesOf('RA_REFUSED', ['certificate']).left).toContain(dates);
    expect(causesOf('RA_REFUSED', ['certificate', 'clock']).ruledOut).toEqual([dates]);
  });

  test('never run out: something is left when everything on both sides was checked', () => {
    const facts = ['certificate', 'chain', 'tags', 'clock', 'anchor', 'profile', 'role', 'trust policy'] as const;
    for (const code of ['RA_REFUSED', 'RA_CANNOT_ASSUME_ROLE', 'RA_INVALID_SIGNATURE'])
      expect(causesOf(code, facts).left.length).toBeGreaterThan(0);
  });

  test('are not listed for a refusal with one meaning', () => {
    expect(causesOf('RA_THROTTLED', [])).toEqual({ left: [], ruledOut: [] });
  });
});

describe('a systemd unit', () => {
  const codesOf = (shown: string): string[] =>
    (judgedUnit('imds-anywhere.service', stateIn(shown)).findings ?? []).map(
      ({ code, message }) => `${code}: ${message}`,
    );

  test('that runs is no cause', () => {
    expect(codesOf('ActiveState=active\nResult=success\nNRestarts=0\n')).toEqual([]);
    expect(codesOf('ActiveState=reloading\nResult=success\nNRestarts=3\n')).toEqual([]);
  });

  test('that does not run is one, with the reason', () => {
    expect(codesOf('ActiveState=failed\nResult=exit-code\nNRestarts=5\n')).toEqual([
      'SERVICE_NOT_RUNNING: imds-anywhere.service is failed, result exit-code, restarted 5 times',
    ]);
    expect(codesOf('ActiveState=inactive\nResult=success\nNRestarts=0\n')).toEqual([
      'SERVICE_NOT_RUNNING: imds-anywhere.service is inactive',
    ]);
  });

  test('without an answer of systemctl is not checked', () => {
    expect(judgedUnit('imds-anywhere.service', stateIn(''))).toEqual({
      unchecked: ['the state of imds-anywhere.service: systemctl does not say'],
    });
  });
});

describe('a document of credentials', () => {
  const document = (expiration: string): { status: number; server: string; body: string } => ({
    ...{ status: 200, server: 'EC2ws' },
    body: JSON.stringify({ AccessKeyId: 'ASIAEXAMPLE', SecretAccessKey: 'marked', Expiration: expiration }),
  });
  const codesOf = (answer: Parameters<typeof judgedDocument>[1]): string[] =>
    (judgedDocument('http://a', answer, NOW).findings ?? []).map(({ code }) => code);

  test('is good until it expires', () => {
    expect(codesOf(document('2026-01-02T03:04:06Z'))).toEqual([]);
    expect(codesOf(document('2026-01-02T03:04:05Z'))).toEqual(['ENDPOINT_WITHOUT_SESSION']);
    expect(codesOf(document('soon'))).toEqual(['ENDPOINT_WITHOUT_SESSION']);
  });

  test('is never repeated, whatever it contains', () => {
    for (const answer of [document('2027-01-01T00:00:00Z'), document('marked'), { ...document('x'), status: 500 }])
      expect(JSON.stringify(judgedDocument('http://a', answer, NOW)).replace('2027', '')).not.toMatch(/marked|ASIA/);
  });

  test('of another program has no credentials', () => {
    expect(codesOf({ status: 200, server: '', body: '{}' })).toEqual(['ENDPOINT_FOREIGN']);
    expect(codesOf({ status: 404, server: '', body: '' })).toEqual(['ENDPOINT_FOREIGN']);
    expect(codesOf('connect ECONNREFUSED')).toEqual(['ENDPOINT_SILENT']);
  });
});

describe('what a running daemon says of itself', () => {
  const fault = (code: string): object => ({ code, error: 'why', remedy: 'do' });
  const status = (changes: object): DaemonReport => ({
    ...{ version: '1.2.3', summary: 'fine', configurationFault: null, endpointFault: null, roles: [] },
    identity: { certificate: {}, fault: null, renewal: null },
    ...changes,
  });
  const judged = (changes: object): readonly string[] =>
    (judgedStatus(status(changes), ['a']).findings ?? []).map(({ severity, code }) => `${severity} ${code}`);
  const role = (changes: object): object => ({
    roles: [{ name: 'a', session: null, failure: fault('R'), ...changes }],
  });

  test.each([
    ['nothing', {}, []],
    ['its configuration', { configurationFault: fault('C') }, ['error C']],
    ['its endpoint', { endpointFault: fault('E') }, ['error E']],
    ['no certificate', { identity: { certificate: null, fault: fault('F'), renewal: null } }, ['error F']],
    ['a rejected certificate', { identity: { certificate: {}, fault: fault('F'), renewal: null } }, ['warning F']],
    ['its renewal', { identity: { certificate: {}, fault: null, renewal: { failure: fault('N') } } }, ['warning N']],
    ['a role without a session', role({}), ['error R']],
    ['a role with a session', role({ session: {} }), ['warning R']],
    ['a role that was not asked for', role({ name: 'b' }), []],
  ])('%s', (_what, changes, expected) => {
    expect(judged(changes)).toEqual(expected);
  });

  test('its message and remedy are kept', () => {
    const { findings, seen } = judgedStatus(status(role({})), ['a']);
    expect(findings?.[0]).toMatchObject({
      message: 'the running daemon has no session of role a: why',
      remedy: 'do',
    });
    expect(seen).toEqual(['the running daemon, version 1.2.3: fine']);
  });
});
