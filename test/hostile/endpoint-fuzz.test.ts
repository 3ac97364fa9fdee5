import { afterAll, beforeAll, describe, expect } from 'vitest';
import { type RunningEmulator, Workshop } from '../support/workshop.ts';
import { checkedAnswers, MARK, type WireAnswer } from './answers.ts';
import { allowedStatuses, endpointRequests, requestText } from './endpoint-request.ts';
import { exchange } from './exchange.ts';
import { type Fuzzed, itFuzzes } from './fuzz.ts';
import { type Mutant, mutants } from './mutation.ts';
import { credentialRequest, ServedEndpoint, TOKEN_FORM, tokenRequest } from './served-endpoint.ts';

let workshop: Workshop;
let emulator: RunningEmulator;
let endpoint: ServedEndpoint;
beforeAll(async () => {
  workshop = await Workshop.open();
  emulator = await workshop.emulator();
  endpoint = await ServedEndpoint.open(workshop, { emulator });
  return workshop.close;
});
afterAll(() => endpoint.check());

/**
 * Returns the answers, after the checks for all answers. Restarts an endpoint that an earlier
 * sample has ended.
 */
async function answersTo(bytes: Buffer | string, ...absent: string[]): Promise<readonly WireAnswer[]> {
  const received = await exchange(endpoint.port, bytes);
  try {
    endpoint.size();
  } catch {
    endpoint = await ServedEndpoint.open(workshop, { emulator });
    throw new Error(`it ended the process: ${JSON.stringify(bytes.toString('latin1'))}`);
  }
  return checkedAnswers(received, ...absent);
}

/**
 * HTTP requests inside and outside of the protocol get exactly the answer that the protocol
 * defines.
 */
function requests(): Fuzzed<Parameters<typeof requestText>[0]> {
  return {
    runs: 600,
    samples: endpointRequests(endpoint),
    check: async (request) => {
      const hasToken = request.token.refused === undefined;
      const answers = await answersTo(requestText(request), ...(hasToken ? [] : endpoint.secrets));
      expect(answers).toHaveLength(1);
      expect(allowedStatuses(request)).toContain(answers[0]?.status);
    },
  };
}

/** Tokens with a meaning in HTTP. */
const WORDS = [
  ...[
    '\r\n',
    '\n',
    '\r',
    '\0',
    '\t',
    ' ',
    ':',
    '\r\n\r\n',
    '\r\n ',
    '%00',
    '..',
    '/',
    '?',
    '#',
    '\xff',
    '\x80',
    ';',
    ',',
  ],
  ...['Host: evil.example\r\n', 'Content-Length: 5\r\n', 'Content-Length: 0\r\n', 'Transfer-Encoding: chunked\r\n'],
  ...[
    'Connection: close\r\n',
    'Connection: upgrade\r\nUpgrade: h2c\r\n',
    'Expect: 100-continue\r\n',
    '5\r\nhello\r\n',
    '0\r\n\r\n',
  ],
  ...[
    'HTTP/1.0',
    'HTTP/2',
    'HTTP/1.1',
    'GET ',
    'HEAD ',
    'PUT ',
    'CONNECT ',
    'OPTIONS ',
    'http://',
    `X-A: ${MARK}\r\n`,
    'a'.repeat(9_000),
  ],
];

const NO_TOKEN = tokenRequest(60).replace(
  '\r\n\r\n',
  `\r\nX-Mark: ${MARK}\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
);

/** Bytes without a token can yield at most a token. */
function bytesWithoutToken(): Fuzzed<Mutant> {
  const read = credentialRequest('INVALID', endpoint.role);
  return {
    runs: 600,
    samples: mutants(
      [NO_TOKEN, tokenRequest(21_600), read, read.replace('GET', 'HEAD'), tokenRequest(1) + read],
      WORDS,
    ),
    check: async ({ bytes }) => {
      const answers = await answersTo(bytes, ...endpoint.secrets);
      for (const { status, body } of answers) if (status === 200) expect(body).toMatch(TOKEN_FORM);
    },
  };
}

/** Bytes with a valid token yield only answers of the endpoint. */
function bytesWithToken(): Fuzzed<Mutant> {
  const read = credentialRequest(endpoint.token, endpoint.role);
  const list = credentialRequest(endpoint.token);
  return {
    runs: 500,
    samples: mutants([read, list, read + read, tokenRequest(5) + list, read.replace('1.1', '1.0')], WORDS),
    check: async ({ bytes }) => {
      for (const { status, body } of await answersTo(bytes)) if (status === 200) expect(isServed(body)).toBe(true);
    },
  };
}

/** Names, one per line; a token; a document; or nothing, for HEAD. */
function isServed(body: string): boolean {
  if (!body.startsWith('{')) return /^(?:[\w.-]+\/?(?:\n|$))*$/.test(body);
  return Object.values(JSON.parse(body) as object).every((value) => typeof value === 'string' && value !== '');
}

describe('the shipped program', () => {
  itFuzzes({
    requests: requests,
    'bytes without a token': bytesWithoutToken,
    'bytes with a token': bytesWithToken,
  });
});
