import type { Answer } from './conversation.ts';
import type { Witness } from './witness.ts';

export interface Outcome {
  readonly kind: 'passed' | 'failed' | 'outside';
  /** What went wrong, what the client said, or why the scenario says nothing about it. */
  readonly text: string;
}

/** The client got through, and everything it sent was signed with a session that the emulator issued, and `accessKeyId` where given. */
export function served({ kind, text }: Answer, { seen }: Witness, accessKeyId?: string): Outcome {
  const [first] = seen;
  if (kind !== 'ok') return failed(`${kind}: ${text}`);
  if (!first) return failed('it says that it called, but nothing came');
  const wrong = seen.find(({ status }) => status !== 200);
  if (wrong) return failed(`a request with ${shown(wrong.accessKeyId)} was answered ${wrong.status}`);
  if (accessKeyId !== undefined && first.accessKeyId !== accessKeyId) return failed('it signed with another session');
  return { kind: 'passed', text };
}

/** The client said what is wrong, and sent nothing: neither unsigned, nor with an empty key, nor with a session that is over. */
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
