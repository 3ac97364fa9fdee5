// A process that answers one request and ends. What it loads may hang, crash, print or leak: that costs this process and no other.
import { messageOf } from '../foundation/errors.ts';
import { KeyFailure } from './key-errors.ts';
import type { KeyAnswer, KeyRequest, KeyResults } from './key-request.ts';

async function answer(request: KeyRequest): Promise<KeyAnswer> {
  try {
    return { ok: true, result: await resultOf(request) };
  } catch (error) {
    const { code, message, retry } =
      error instanceof KeyFailure ? error : new KeyFailure('SIGNATURE_FAILED', messageOf(error), { retry: 'slow' });
    return { ok: false, code, message, retry };
  }
}

/** What is needed is loaded on demand: each kind of device needs other code. */
async function resultOf(request: KeyRequest): Promise<KeyResults[keyof KeyResults]> {
  const { source } = request;
  switch (source.kind) {
    case 'pkcs11':
      return (await import('./pkcs11/token.ts')).askToken(source, request);
    case 'tpm':
      return (await import('./tpm/ask-tpm.ts')).askTpm(source, request, process.env);
    case 'ssh-agent':
    case 'command':
      throw new Error(`${source.kind} needs no process of its own`);
  }
}

process.once('message', (request) => {
  void answer(request as KeyRequest).then((answered) => process.send?.(answered));
});
