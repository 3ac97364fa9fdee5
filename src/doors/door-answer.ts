import type { RoleSession } from '../rolesanywhere/role-session.ts';
import type { AnswerStatus } from './answer.ts';
import type { DoorRequest } from './door-request.ts';

/** What a request came to, for those who count and keep records. */
export interface DoorAnswer {
  readonly request: DoorRequest;
  readonly status: AnswerStatus;
  /** `none`: turned away before the path was looked at, by the guard or for want of a token. */
  readonly resource: 'token' | 'credentials' | 'other' | 'none';
  /** Whose credentials were handed out. */
  readonly session?: RoleSession;
  /** Why it was turned away: a code of docs/errors.md. */
  readonly refusal?: { readonly code: string };
}
