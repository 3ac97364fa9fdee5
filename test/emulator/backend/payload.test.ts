import { createHash, createHmac } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { checkedPayload } from '../../../src/emulator/backend/payload.ts';
import type { VerifiedSignature } from '../../../src/emulator/signature/hmac-authorization.ts';

const SCOPE = '20130524/us-east-1/s3/aws4_request';

/** The published example key of the S3 API reference. */
function exampleKey(): Buffer {
  const start = Buffer.from('AWS4wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY');
  return SCOPE.split('/').reduce((key, part) => createHmac('sha256', key).update(part).digest(), start);
}

function signed(signature: string): VerifiedSignature {
  return { session: undefined as never, signature, key: exampleKey(), date: '20130524T000000Z', scope: SCOPE };
}

/** "Example: PUT Object", 66,560 bytes of `a` in parts of 64 KiB and 1 KiB, with its published signatures. */
const SEED = signed('4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9');
const PARTS = [
  part(65_536, 'ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648'),
  part(1024, '0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497'),
  part(0, 'b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9'),
].join('');

function part(size: number, signature: string): string {
  return `${size.toString(16)};chunk-signature=${signature}\r\n${'a'.repeat(size)}\r\n`;
}

/** What has passed, also when it fails. */
async function pass(declared: string, body: string, signature = SEED, piece = 1000): Promise<string> {
  const pieces = body.match(new RegExp(`[^]{1,${piece}}`, 'g')) ?? [];
  return (
    await buffer(Readable.from(pieces.map((text) => Buffer.from(text))).pipe(checkedPayload(declared, signature)))
  ).toString();
}

async function passedBeforeFailing(declared: string, body: string): Promise<string> {
  const passed: string[] = [];
  const check = checkedPayload(declared, SEED).on('data', (piece: Buffer) => passed.push(piece.toString()));
  const failed = new Promise((resolve) => check.once('error', resolve));
  Readable.from((body.match(/[^]/g) ?? []).map((text) => Buffer.from(text))).pipe(check);
  await failed;
  return passed.join('');
}

describe('signed parts', () => {
  const FORM = 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD';

  test.each([7, 1000, 100_000])('the published example passes unchanged, in pieces of %i', async (size) => {
    expect(await pass(FORM, PARTS, SEED, size)).toBe(PARTS);
  });

  test.each([
    ['a changed byte', PARTS.replace('aaaa', 'aaba')],
    ['another seed', PARTS, signed('0'.repeat(64))],
    ['a missing end', PARTS.slice(0, -91)],
    ['more after the end', `${PARTS}x\r\n`],
    ['no signatures', '3\r\naaa\r\n0\r\n\r\n'],
    ['a line without end', 'f'.repeat(10_000)],
    ['nothing', ''],
  ])('%s fails', async (_, body, signature = SEED) => {
    await expect(pass(FORM, body, signature)).rejects.toMatchObject({ code: 'SignatureDoesNotMatch' });
  });

  test('trailing headers must be signed, too', async () => {
    const last = 'b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9';
    const text = [
      'AWS4-HMAC-SHA256-TRAILER',
      '20130524T000000Z',
      SCOPE,
      last,
      sha256('x-amz-checksum-crc32:AAAAAA==\n'),
    ];
    const signature = createHmac('sha256', exampleKey()).update(text.join('\n')).digest('hex');
    const body = PARTS.slice(0, -2);
    const trailer = (crc: string): string => `x-amz-checksum-crc32:${crc}\r\n`;
    const end = `x-amz-trailer-signature:${signature}\r\n\r\n`;
    const whole = body + trailer('AAAAAA==') + end;
    expect(await pass(`${FORM}-TRAILER`, whole)).toBe(whole);
    for (const wrong of [body + trailer('BBBBBB==') + end, `${body + trailer('AAAAAA==')}\r\n`])
      await expect(pass(`${FORM}-TRAILER`, wrong)).rejects.toMatchObject({ code: 'SignatureDoesNotMatch' });
  });
});

describe('a hash of the whole', () => {
  test('passes the body that it is of', async () => {
    expect(await pass(sha256('whole'), 'whole')).toBe('whole');
    expect(await pass(sha256(''), '')).toBe('');
  });

  test('keeps another body from looking complete', async () => {
    await expect(pass(sha256('whole'), 'other')).rejects.toMatchObject({ code: 'XAmzContentSHA256Mismatch' });
    expect(await passedBeforeFailing(sha256('whole'), 'other')).toBe('othe');
  });
});

test.each(['UNSIGNED-PAYLOAD', 'STREAMING-UNSIGNED-PAYLOAD-TRAILER'])('%s passes anything', async (declared) => {
  expect(await pass(declared, 'anything')).toBe('anything');
});

test.each(['', 'STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD', 'ABC'])('"%s" is refused by name', (declared) => {
  expect(() => checkedPayload(declared, SEED)).toThrow(expect.objectContaining({ code: 'InvalidArgument' }) as Error);
});

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
