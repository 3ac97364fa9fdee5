// Survives a restart, even after kill -9: the key of the metadata tokens and the current sessions.
// All of it may be missing, damaged or unwritable at any time. Then the daemon starts as if for the
// first time, and serves all requests.

import { createHash, createSecretKey, type KeyObject, randomBytes } from 'node:crypto';
import type { Clock } from '../foundation/clock.ts';
import { messageOf } from '../foundation/errors.ts';
import type { Log } from '../foundation/logger.ts';
import type { Secret } from '../foundation/secret.ts';
import { BackgroundWrites } from './background-writes.ts';
import { type HeldRole, type KeptSession, keptSession, SESSION_FILES } from './kept-session.ts';
import { inTime, oneAtATime, READ_DEADLINE_MS } from './one-at-a-time.ts';
import { type PrivateFiles, privateFiles } from './private-files.ts';
import { stateError } from './state-errors.ts';
import { type StateLog, stateLog } from './state-log.ts';

export interface StateParts {
  /** Created if missing. Only its own user may access it. */
  readonly directory: string;
  /**
   * Reads the configured sealing key, again for each use. If absent, the identity's private key
   * seals.
   */
  readonly ownKey?: (() => Promise<Secret>) | undefined;
  readonly clock: Clock;
  readonly log: Log;
  readonly files?: PrivateFiles;
}

export interface State {
  /** 32 bytes: the stored key or a new one. */
  readonly tokenKey: Buffer;
  session(role: HeldRole): KeptSession;
  /** The public keys of a cluster. @param cluster - identifies it, and where its keys are. */
  readonly clusterKeys: (cluster: string) => KeptText;
  /** Resolves when everything is stored, after a second at the latest. */
  close(): Promise<void>;
}

/** A text that is not secret. */
export interface KeptText {
  /** Undefined if there is none. Never rejects. */
  read(): Promise<string | undefined>;
  /** In the background. */
  write(text: string): void;
}

/** Opens a state directory. Takes at most two seconds and never rejects. */
export async function openState({ directory, ownKey, clock, log, ...parts }: StateParts): Promise<State> {
  const files = oneAtATime(parts.files ?? privateFiles(directory), clock);
  const stateLines = stateLog(log);
  const { trouble, written } = stateLines;
  const sweep = onlyOnce(() => sweepSessions(files, clock.now()));
  const writes = new BackgroundWrites({
    files,
    clock,
    failed: trouble,
    written: () => {
      written();
      sweep();
    },
  });
  const key = keyFrom(ownKey, clock);
  return {
    tokenKey: await tokenKey(files, writes, trouble),
    session: (role) => keptSession(role, { files, writes, clock, log: stateLines, ownKey: key }),
    clusterKeys: (cluster) => keptText(clusterFile(cluster), { files, writes, trouble }),
    close: () => writes.close(),
  };
}

// The keys of a cluster are public. What matters is that only this user can write the file, and
// `files` checks that for every file.

function clusterFile(cluster: string): string {
  return `cluster-keys-${createHash('sha256').update(cluster).digest('hex').slice(0, 16)}.json`;
}

interface KeptTextParts {
  readonly files: PrivateFiles;
  readonly writes: BackgroundWrites;
  readonly trouble: StateLog['trouble'];
}

function keptText(name: string, { files, writes, trouble }: KeptTextParts): KeptText {
  return {
    read: async () => {
      try {
        return (await files.read(name))?.toString('utf8');
      } catch (error) {
        trouble(error);
        return undefined;
      }
    },
    write: (text) => {
      writes.put(name, () => Buffer.from(text));
    },
  };
}

async function tokenKey(files: PrivateFiles, writes: BackgroundWrites, trouble: StateLog['trouble']): Promise<Buffer> {
  try {
    const content = await files.read(TOKEN_KEY_FILE);
    const kept = content && tokenKeyIn(content);
    if (kept) return kept;
    if (content)
      trouble(stateError('STATE_DAMAGED', 'the key of the metadata tokens is damaged: clients need new tokens'));
  } catch (error) {
    trouble(error);
  }
  const key = newTokenKey();
  writes.put(TOKEN_KEY_FILE, () => tokenKeyFile(key));
  return key;
}

const FEWEST_CHARACTERS = 32;

/**
 * A hanging file system delays nothing longer than its own files may take, and is not asked again
 * meanwhile.
 */
function keyFrom(ownKey: StateParts['ownKey'], clock: Clock): (() => Promise<KeyObject>) | undefined {
  if (!ownKey) return undefined;
  let reading: Promise<Secret> | undefined;
  return async () => {
    reading ??= ownKey().finally(() => (reading = undefined));
    const text = await inTime(reading, clock, lateKey).then(
      (secret) => secret.reveal(),
      (error: unknown) => {
        throw stateError('STATE_KEY_UNREADABLE', `stateKey cannot be read: ${messageOf(error)}`, error);
      },
    );
    if (text.length < FEWEST_CHARACTERS)
      throw stateError('STATE_KEY_WEAK', `stateKey has fewer than ${FEWEST_CHARACTERS} characters`);
    return createSecretKey(Buffer.from(text));
  };
}

function lateKey(): Error {
  return new Error(`it was not read within ${READ_DEADLINE_MS / 1000} seconds`);
}

/** No session lasts longer than twelve hours. */
const OUTLIVED_MS = 13 * 3_600_000;

/**
 * Removes sessions of deleted roles and leftovers of interrupted writes. Called after a grant,
 * because the clock may be wrong before.
 */
async function sweepSessions(files: PrivateFiles, now: number): Promise<void> {
  await files.sweep(SESSION_FILES, now - OUTLIVED_MS).catch(() => undefined);
}

function onlyOnce(work: () => Promise<void>): () => void {
  let isDone = false;
  return () => {
    if (!isDone) void work();
    isDone = true;
  };
}

// The key of the metadata tokens has its own file, readable for this user and not sealed. An
// endpoint needs it before the private key is loaded. A user who can read the file could also get a
// token from the endpoint. The key only opens the endpoints of this host.

const TOKEN_KEY_FILE = 'metadata-token-key';

const FORM = /^imds-anywhere metadata token key 1\n([0-9a-f]{64})\n$/;

function newTokenKey(): Buffer {
  return randomBytes(32);
}

function tokenKeyFile(key: Buffer): Buffer {
  return Buffer.from(`imds-anywhere metadata token key 1\n${key.toString('hex')}\n`);
}

/** @returns undefined unless the file is complete. */
function tokenKeyIn(content: Buffer): Buffer | undefined {
  const hex = FORM.exec(content.toString('latin1'))?.[1];
  return hex === undefined ? undefined : Buffer.from(hex, 'hex');
}
