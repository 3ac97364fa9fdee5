import type { Answer } from './conversation.ts';
import type { Witness } from './witness.ts';

export interface Outcome {
  readonly kind: 'passed' | 'failed' | 'outside';
  /** The failure, the client's message, or why the scenario does not apply. */
  readonly text: string;
}

/**
 * The client succeeded, and all of its requests were signed with an issued session, with
 * `accessKeyId` if given.
 */
export function served({ kind, text }: Answer, { seen }: Witness, accessKeyId?: string): Outcome {
  const [first] = seen;
  if (kind !== 'ok') return failed(`${kind}: ${text}`);
  if (!first) return failed('it says that it called, but nothing came');
  const wrong = seen.find(({ status }) => status !== 200);
  if (wrong) return failed(`a request with ${shown(wrong.accessKeyId)} was answered ${wrong.status}`);
  if (accessKeyId !== undefined && first.accessKeyId !== accessKeyId) return failed('it signed with another session');
  return { kind: 'passed', text };
}

/**
 * The client reported the problem, and sent nothing: neither unsigned, nor with an empty key, nor
 * with an expired session.
 */
export function refused({ kind, text }: Answer, { seen }: Witness, goesAnonymous = false): Outcome {
  const sent = goesAnonymous ? seen.filter(({ accessKeyId }) => accessKeyId !== undefined) : seen;
  if (kind !== 'error') return failed(`${kind}: ${text}`);
  if (sent[0]) return failed(`it sent a request with ${shown(sent[0].accessKeyId)}`);
  return { kind: 'passed', text };
}

export function failed(text: string): Outcome {
  return { kind: 'failed', text };
}

function shown(accessKeyId: string | undefined): string {
  if (accessKeyId === undefined) return 'no signature';
  return accessKeyId === '' ? 'an empty key' : 'an access key';
}
