// A process that answers one request and ends. What it loads may hang, crash, print or leak: that costs this process and no other.
import { messageOf } from '../foundation/errors.ts';
import { KeyFailure } from './key-errors.ts';
import type { KeyAnswer, KeyRequest, KeyResults } from './key-request.ts';
import type { KeySource } from './key-source.ts';

async function answer(request: KeyRequest): Promise<KeyAnswer> {
  try {
    return { ok: true, result: await DEVICES[request.source.kind](request) };
  } catch (error) {
    const { code, message, retry } =
      error instanceof KeyFailure ? error : new KeyFailure('SIGNATURE_FAILED', messageOf(error), { retry: 'slow' });
    return { ok: false, code, message, retry };
  }
}

/** Loaded on demand: each kind of device needs other code. */
const DEVICES = {
  pkcs11: async (request: KeyRequest) => (await import('./pkcs11/token.ts')).askToken(request),
} as const satisfies Record<KeySource['kind'], (request: KeyRequest) => Promise<KeyResults[keyof KeyResults]>>;

process.once('message', (request) => {
  void answer(request as KeyRequest).then((answered) => process.send?.(answered));
});
