import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import type { LogFields } from '../../src/foundation/logger.ts';
import { Secret } from '../../src/foundation/secret.ts';
import type { RoleSession } from '../../src/rolesanywhere/role-session.ts';
import type { HeldRole } from '../../src/state/kept-session.ts';
import { openState, type State, type StateParts } from '../../src/state/state.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;

export const role: HeldRole = {
  name: 'uploader',
  roleArn: 'arn:aws:iam::123456789012:role/Uploader',
  profileArn: 'arn:aws:rolesanywhere:eu-central-1:123456789012:profile/1',
  trustAnchorArn: 'arn:aws:rolesanywhere:eu-central-1:123456789012:trust-anchor/1',
};

export function session(now: number, accessKeyId = 'ASIAEXAMPLE000000001'): RoleSession {
  return {
    accessKeyId,
    secretAccessKey: new Secret('marked-secret-access-key'),
    sessionToken: new Secret('marked-session-token'),
    expiration: now + HOUR,
    receivedAt: now,
    assumedRoleArn: 'arn:aws:sts::123456789012:assumed-role/Uploader/1000',
    sourceIdentity: 'CN=device-0001',
    subjectArn: undefined,
    requestId: 'request-1',
  };
}

/** A path below a new directory; nothing exists there yet. */
export async function freshDirectory(): Promise<string> {
  const parent = await mkdtemp(path.join(tmpdir(), 'state-'));
  onTestFinished(() => rm(parent, { recursive: true, force: true }));
  return path.join(parent, 'state');
}

/** A process with a state directory: another `start` on the same directory is a restart. */
export class Host {
  readonly clock = new VirtualClock();
  readonly lines: { readonly level: string; readonly message: string; readonly fields: LogFields }[] = [];
  readonly #parts: Partial<StateParts>;
  readonly directory: string;

  constructor(directory: string, parts: Partial<StateParts> = {}) {
    this.directory = directory;
    this.#parts = parts;
  }

  async start(): Promise<State> {
    const state = await openState({
      directory: this.directory,
      clock: this.clock,
      log: (level, message, fields = {}) => this.lines.push({ level, message, fields }),
      ...this.#parts,
    });
    // What it still writes must not meet the removal of the directory.
    onTestFinished(() => state.close());
    return state;
  }

  /** Codes from the log, in order. */
  get codes(): unknown[] {
    return this.lines.map(({ fields, message }) => fields['code'] ?? message);
  }
}
