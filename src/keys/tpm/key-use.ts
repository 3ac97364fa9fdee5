// Loads a key from a key file or a handle, and authorizes it for one command. Removes everything
// from the TPM again, because it has room for only three keys.
import { algorithms, handles, type HashAlgorithm, hashAlgorithm } from './constants.ts';
import type { PolicyStep, Tss2Key } from './key-file.ts';
import { asksForPassword, satisfyPolicy } from './policy.ts';
import {
  type Authorization,
  emptyPassword,
  type Encryption,
  type SaltedSession,
  sessionAuthorization,
} from './session.ts';
import { createRootKey, type Entity, flush, load, readPublic, startSession, type Tpm, type TpmKey } from './tpm.ts';
import { during } from './tpm-failure.ts';

/** An empty one means none. */
export interface TpmPasswords {
  readonly key: Buffer;
  /** Of a parent with its own handle. */
  readonly parent: Buffer;
  /** Of the owner hierarchy. */
  readonly owner: Buffer;
}

/** A TPM, and the objects that were loaded into it. */
export interface Workplace {
  readonly tpm: Tpm;
  readonly placed: number[];
}

/** Removes the objects that `work` leaves in the TPM. */
export async function atWork<Value>(tpm: Tpm, work: (at: Workplace) => Promise<Value>): Promise<Value> {
  const placed: number[] = [];
  try {
    return await work({ tpm, placed });
  } finally {
    for (const handle of placed.reverse()) await flush(tpm, handle);
  }
}

async function place<What extends { readonly handle: number }>(
  { placed }: Workplace,
  making: Promise<What>,
): Promise<What> {
  const made = await making;
  placed.push(made.handle);
  return made;
}

/** An object in the TPM, and the authorization of one command with it. */
export interface Usable {
  readonly entity: Entity;
  readonly authorization: Authorization;
}

export interface UsableKey extends Usable {
  readonly entity: TpmKey;
}

/** @throws KeyFailure */
export async function keyAtHandle(at: Workplace, handle: number, password: Buffer): Promise<UsableKey> {
  const key = await during('key', () => readPublic(at.tpm, handle));
  return { entity: key, authorization: await byPassword(at, password) };
}

/**
 * The loaded object of a key file.
 *
 * @param encryption - of the command that uses it.
 * @throws KeyFailure
 */
export async function objectOfFile(
  at: Workplace,
  file: Tss2Key,
  passwords: TpmPasswords,
  encryption: Encryption = {},
): Promise<Usable> {
  const { entity: parent, authorization } = await parentOf(at, file, passwords);
  const entity = await during('load', () => place(at, load(at.tpm, parent, file, authorization)), passwords.parent);
  const use = { policy: file.policy, saltKey: parent, encryption };
  return { entity, authorization: await objectAuthorization(at, entity, passwords.key, use) };
}

/**
 * The key that encrypts a key file.
 *
 * @param encryption - of the command that uses it.
 * @throws KeyFailure
 */
export async function parentOf(
  at: Workplace,
  { parent, rootKeyType }: Pick<Tss2Key, 'parent' | 'rootKeyType'>,
  passwords: Pick<TpmPasswords, 'parent' | 'owner'>,
  encryption: Encryption = {},
): Promise<UsableKey> {
  if (!isHierarchy(parent)) {
    const key = await during('parent', () => readPublic(at.tpm, parent));
    return { entity: key, authorization: await byPassword(at, passwords.parent, key, encryption) };
  }
  const owner = await byPassword(at, parent === handles.owner ? passwords.owner : noPassword);
  const root = await during(
    'root key',
    () => place(at, createRootKey(at.tpm, parent, rootKeyType, owner)),
    passwords.owner,
  );
  return { entity: root, authorization: await byPassword(at, noPassword, root, encryption) };
}

const noPassword = Buffer.alloc(0);

/** Permanent handles start with 0x40. */
function isHierarchy(handle: number): boolean {
  return handle >>> 24 === 0x40;
}

/** @param saltKey - absent: creates one. */
async function byPassword(
  at: Workplace,
  password: Buffer,
  saltKey?: TpmKey,
  encryption: Encryption = {},
): Promise<Authorization> {
  if (password.length === 0 && !encryption.command && !encryption.answer) return emptyPassword;
  const session = await sessionAt(at, { type: 'hmac', hash: hashAlgorithm(algorithms.sha256), saltKey });
  return sessionAuthorization(session, password, encryption);
}

interface WantedSession {
  readonly type: 'hmac' | 'policy';
  readonly hash: HashAlgorithm;
  readonly saltKey: TpmKey | undefined;
}

/** Without another key, one of the hierarchy that needs no authorization encrypts the salt. */
async function sessionAt(at: Workplace, { type, hash, saltKey }: WantedSession): Promise<SaltedSession> {
  const startedWith = (key: TpmKey): Promise<SaltedSession> =>
    during('session', () => place(at, startSession(at.tpm, type, hash, key)));
  if (saltKey) return startedWith(saltKey);
  return atWork(at.tpm, async (meanwhile) =>
    startedWith(await during('session', () => place(meanwhile, createRootKey(at.tpm, handles.none, 'ecc')))),
  );
}

interface ObjectUse {
  readonly policy: readonly PolicyStep[];
  readonly saltKey: TpmKey;
  readonly encryption: Encryption;
}

async function objectAuthorization(
  at: Workplace,
  { name }: Entity,
  password: Buffer,
  { policy, saltKey, encryption }: ObjectUse,
): Promise<Authorization> {
  if (policy.length === 0) return byPassword(at, password, saltKey, encryption);
  // A policy is a digest with the hash that is also used for the name.
  const session = await sessionAt(at, { type: 'policy', hash: hashAlgorithm(name.readUInt16BE()), saltKey });
  await during('policy', () => satisfyPolicy(at.tpm, session, policy));
  return sessionAuthorization(session, asksForPassword(policy) ? password : noPassword, encryption);
}
