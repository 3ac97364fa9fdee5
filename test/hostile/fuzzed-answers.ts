import { expect } from 'vitest';
import { refusalOf } from '../../src/rolesanywhere/refusal.ts';
import { sessionFrom } from '../../src/rolesanywhere/session-answer.ts';
import { chainedSession } from '../../src/sts/assume-role-answer.ts';
import { stsRefusal } from '../../src/sts/refusal.ts';
import { assumedBody, first, SECRET, stsRefused, TOKEN } from '../sts/support.ts';
import { wordsOf } from './coded-words.ts';
import type { Fuzzed } from './fuzz.ts';
import { type Mutant, mutants } from './mutation.ts';

const WIRE_NAMES = ['<Credentials>', '</Credentials>', '<AssumeRoleResult>', '<Code>', '</Error>'];
const NOW = Date.parse('2026-11-22T12:00:00Z');
const SECRET_PARTS = ['wJalrXUtnFEMI', 'FwoGZXIvYXdzEXAMPLE'];

function grantedBody(): string {
  const credentials = {
    accessKeyId: 'ASIAIOSFODNN7EXAMPLE',
    expiration: '2026-11-22T13:00:00Z',
    secretAccessKey: SECRET_PARTS[0],
    sessionToken: SECRET_PARTS[1],
  };
  const assumedRoleUser = { arn: 'arn:aws:sts::123456789012:assumed-role/Demo/0123', assumedRoleId: 'AROA:0123' };
  return JSON.stringify({
    credentialSet: [{ assumedRoleUser, credentials, packedPolicySize: 1, sourceIdentity: 'CN=test' }],
    subjectArn: 'arn:aws:x',
  });
}

const JSON_WORDS = [
  '[',
  ']',
  '{',
  '}',
  '"',
  '\\',
  '\\u0000',
  ':',
  ',',
  'null',
  '1e999',
  '-0',
  '"__proto__":',
  '[[[[[[[[[[',
  '{"a":'.repeat(100),
  '\0',
  '\xff',
  '9999-12-31',
  '1970-01-01',
  '\xef\xbb\xbf',
];

/** A damaged grant: yields a session or a code, without secrets in the message. */
export function grants(): Fuzzed<Mutant> {
  return {
    runs: 600,
    samples: mutants([grantedBody()], JSON_WORDS),
    check: async ({ bytes }) => {
      const body = bytes.toString('utf8');
      const words = await wordsOf(() => {
        const session = sessionFrom({ status: 201, headers: {}, body }, NOW);
        expect(session.expiration).toBeGreaterThan(NOW);
        expect([session.accessKeyId, session.secretAccessKey.reveal(), session.sessionToken.reveal()]).not.toContain(
          '',
        );
      });
      for (const part of SECRET_PARTS) expect(words).not.toContain(part);
    },
  };
}

const XML_WORDS = ['<', '>', '</', '/>', '&', '&amp;', '&#0;', '&#x110000;', '<![CDATA[', '<!--', ...WIRE_NAMES];

/** A damaged answer of STS: yields a session, or one short line with a retry class. */
export function assumedRoles(): Fuzzed<Mutant> {
  const granted = assumedBody()
    .replace(SECRET, SECRET_PARTS[0] ?? '')
    .replace(TOKEN, SECRET_PARTS[1] ?? '');
  const { body: refused } = stsRefused('AccessDenied', 'User: x is not authorized to perform: sts:AssumeRole');
  return {
    runs: 600,
    samples: mutants([granted, refused], [...XML_WORDS, ...JSON_WORDS]),
    check: async ({ bytes }) => {
      const answer = { status: bytes.length % 2 === 0 ? 200 : 403, headers: {}, body: bytes.toString('utf8') };
      const words = await wordsOf(() => {
        if (answer.status === 403) throw stsRefusal(answer, NOW);
        expect(chainedSession(first)(answer, NOW).expiration).toBeGreaterThan(NOW);
      });
      for (const line of words.split('\n')) expect(line).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}]/u);
      if (answer.status === 200) for (const part of SECRET_PARTS) expect(words).not.toContain(part);
    },
  };
}

/** Other answers of a service, a proxy or a captive portal: yield one short line and a retry class. */
export function refusals(): Fuzzed<Mutant> {
  const bodies = [
    '{"message":"Unable to assume role"}',
    '{"__type":"a#AccessDeniedException","Message":"x"}',
    '<html><body>502</body></html>',
    grantedBody(),
  ];
  const statuses = [301, 400, 403, 404, 407, 429, 500, 503];
  return {
    runs: 500,
    samples: mutants(bodies, [...JSON_WORDS, '\x1b[2J', '\u202e', '\n\n', 'x'.repeat(10_000)]),
    check: ({ bytes }) => {
      const headers = {
        date: bytes.toString('latin1', 0, 30),
        'retry-after': bytes.toString('latin1', 5, 9),
        location: bytes.toString('utf8', 2, 900),
      };
      const failure = refusalOf(
        { status: statuses[bytes.length % statuses.length] ?? 500, headers, body: bytes.toString('utf8') },
        NOW,
      );
      expect(['soon', 'throttled', 'slow']).toContain(failure.retry);
      expect(failure.message.length).toBeLessThan(1_500);
      expect(failure.message).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}]/u);
    },
  };
}
