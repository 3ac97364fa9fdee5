import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { hmacSha256 } from '../../src/imds/hmac.ts';

const bytes = (length: number): fc.Arbitrary<Buffer> =>
  fc.uint8Array({ minLength: length, maxLength: length }).map((array) => Buffer.from(array));

it('computes the HMAC that Node computes, message after message', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 64 }).chain(bytes),
      fc.array(bytes(18), { minLength: 1 }),
      (key, messages) => {
        const hmac = hmacSha256(key, 18);
        for (const message of messages)
          expect(hmac(message)).toBe(createHmac('sha256', key).update(message).digest('base64url'));
      },
    ),
  );
});
