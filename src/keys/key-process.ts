// A process that answers one request and exits. The code it loads may hang, crash, print or leak,
// and affects only this process.
import { constants } from 'node:os';
import { messageOf } from '../foundation/errors.ts';
import { closeMemory } from '../platform/closed-memory.ts';
import { loadLibc } from '../platform/libc.ts';
import { KeyFailure } from './key-errors.ts';
import type { KeyAnswer, KeyRequest, KeyResults, SealingRequest } from './key-request.ts';

async function answer(request: KeyRequest | SealingRequest): Promise<KeyAnswer> {
  try {
    return { ok: true, result: await resultOf(request) };
  } catch (error) {
    const { code, message, retry } =
      error instanceof KeyFailure ? error : new KeyFailure('SIGNATURE_FAILED', messageOf(error), { retry: 'slow' });
    return { ok: false, code, message, retry };
  }
}

/** Loads code on demand, because each kind of device needs different code. */
async function resultOf(request: KeyRequest | SealingRequest): Promise<KeyResults[keyof KeyResults]> {
  if (request.operation === 'seal' || request.operation === 'unseal')
    return (await import('./tpm/ask-tpm.ts')).askTpm(request.source, request, process.env);
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

/**
 * It holds a PIN for a moment. So it writes no core file, protects its memory, and never outlives
 * the daemon, even if a module hangs.
 */
async function protect(): Promise<void> {
  const PR_SET_PDEATHSIG = 1;
  await closeMemory(() => undefined);
  (await loadLibc())?.prctl(PR_SET_PDEATHSIG, constants.signals.SIGKILL, 0, 0, 0);
}

async function serve(request: KeyRequest | SealingRequest): Promise<void> {
  await protect();
  process.send?.(await answer(request));
}

process.once('message', (request) => void serve(request as KeyRequest | SealingRequest));
