import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { ExchangeHistory } from '../../src/admin/exchange-history.ts';
import { html } from '../../src/admin/html.ts';
import { statusOf } from '../../src/admin/status.ts';
import { statusPage } from '../../src/admin/status-page.ts';
import type { AssumeConfig } from '../../src/config/config.ts';
import { afterGrant } from '../../src/sessions/refresh-policy.ts';
import { failure, grantedSession, HOUR, MINUTE } from '../sessions/support.ts';
import { certificate, granted, NOON, refused, roleSnapshot, snapshot, troubled } from './support.ts';

const HOSTILE = `"><script>alert(1)</script><img src=x onerror='alert(2)'>&\u202e\u001b[2J`;

function pageOf(seen: Parameters<typeof statusOf>[0], history = new ExchangeHistory()): string {
  return statusPage(statusOf(seen, history)).body;
}

test('a template escapes everything but markup', () => {
  expect(html`<p title="${HOSTILE}">${[html`<b>${'&'}</b>`, 3]}</p>`.markup).toBe(
    '<p title="&#34;&#62;&#60;script&#62;alert(1)&#60;/script&#62;&#60;img src=x onerror=&#39;alert(2)&#39;&#62;&#38;\\u202e\\x1b[2J"><b>&#38;</b>3</p>',
  );
});

describe('the page', () => {
  test('has certificate, sessions, next calls, failures and remedies', () => {
    const seen = snapshot(
      [roleSnapshot('uploader', granted), roleSnapshot('reader', troubled(granted, NOON)), roleSnapshot('x', refused)],
      { fault: failure('soon', 'NO_CERTIFICATE') },
    );
    const page = pageOf({ ...seen, now: NOON + 6 * MINUTE }).replaceAll(/<[^>]+>|\s+/g, ' ');
    for (const text of ['not ready', 'CN=device-0001', '1 d 11 h left', 'NO_CERTIFICATE', 'renewal in 18 min'])
      expect(page).toContain(text);
    for (const text of ['54 min left', 'renewal failing', 'RA_UNREACHABLE', 'fix it', 'for 6 min, 1 call'])
      expect(page).toContain(text);
  });

  test('shows the first hop of a chained role, with its failure', () => {
    const first = troubled(afterGrant(grantedSession(NOON, 2 * HOUR), 0, false), NOON, 'RA_UNAVAILABLE');
    const chained = roleSnapshot('uploader', granted);
    const role = { ...chained.role, assume: { roleArn: 'arn:aws:iam::210987654321:role/deploy' } as AssumeConfig };
    const page = pageOf(snapshot([{ ...chained, role, firstHop: first }])).replaceAll(/<[^>]+>|\s+/g, ' ');
    expect(page).toMatch(/assumed with {2}arn:aws:iam::123456789012:role\/uploader , 2 h/);
    expect(page).toContain('RA_UNAVAILABLE');
  });

  test('has text of others as text only', () => {
    const roles = [roleSnapshot(HOSTILE, troubled(granted, NOON, HOSTILE))];
    const used = { ...certificate, subject: HOSTILE, issuer: HOSTILE };
    const history = new ExchangeHistory();
    history.note(HOSTILE, { outcome: { granted: false, failure: failure('soon', HOSTILE) } }, NOON);
    const page = pageOf(snapshot(roles, { used, candidate: used, fault: failure('soon', HOSTILE) }), history);
    expect(page.match(/<script/g)).toHaveLength(1);
    expect(page).not.toContain('<img');
    for (const hidden of ['\u202e', '\u001b']) expect(page).not.toContain(hidden);
    expect(page).toContain('&#60;script&#62;');
  });

  test('has the calls of the last day', () => {
    const history = new ExchangeHistory();
    const session = grantedSession(NOON);
    history.note('uploader', { outcome: { granted: true, session } }, NOON - HOUR);
    history.note('uploader', { outcome: { granted: false, failure: failure('soon', 'RA_UNREACHABLE') } }, NOON);
    const page = pageOf(snapshot([roleSnapshot('uploader', granted)]), history);
    expect(page).toContain('<title>2026-11-22T11:00:00Z: 1 granted</title>');
    expect(page).toContain('<title>2026-11-22T12:00:00Z: 0 granted, 1 failed (RA_UNREACHABLE)</title>');
    expect(page.match(/<rect class="mute" x=/g)).toHaveLength(46);
  });

  test('loads nothing, and its policy allows exactly its own style and script', () => {
    const { body, headers = [] } = statusPage(statusOf(snapshot([roleSnapshot('uploader', granted)])));
    expect(body).not.toMatch(/\b(?:src|href|url|@import|style)\s*[=(]/i);
    const policy = headers[headers.indexOf('content-security-policy') + 1] ?? '';
    expect(policy).toMatch(/^default-src 'none'; /);
    for (const name of ['style', 'script']) {
      const [, text = ''] = new RegExp(`<${name}>(.*?)</${name}>`, 's').exec(body) ?? [];
      const hash = createHash('sha256').update(text).digest('base64');
      expect(policy).toContain(`; ${name}-src 'sha256-${hash}';`);
    }
  });

  test('has no secret', () => {
    const session = grantedSession(NOON);
    const page = pageOf(snapshot([roleSnapshot('uploader', granted)]));
    for (const secret of [session.secretAccessKey, session.sessionToken]) expect(page).not.toContain(secret.reveal());
  });
});
