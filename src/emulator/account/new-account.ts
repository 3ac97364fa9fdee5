import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createFile } from '../../files/create-file.ts';
import { openSafePlace } from '../../files/safe-place.ts';
import { DAY_MS } from '../../foundation/clock.ts';
import { CodedError, messageOf } from '../../foundation/errors.ts';
import type { NameAttribute } from '../../identity/distinguished-name.ts';
import { emulatorError } from '../emulator-errors.ts';
import { type Account, ACCOUNT_FILE, loadAccount } from './account.ts';
import { renderAccountFile } from './account-template.ts';
import { issueAuthority, type Issued, issueLeaf, type KeyType } from './pki.ts';

/** What a client needs to use a new account. Paths start with the given directory. */
export interface CreatedAccount {
  readonly accountFile: string;
  /** PEM: leaf and intermediate. */
  readonly certificateFile: string;
  /** PEM, PKCS#8, readable only for its owner. */
  readonly privateKeyFile: string;
  readonly trustAnchorArn: string;
  readonly profileArn: string;
  readonly roleArn: string;
  readonly region: string;
}

export interface NewAccountOptions {
  /** Milliseconds since the epoch. */
  readonly now?: number;
  readonly region?: string;
  readonly keyType?: KeyType;
}

const ACCOUNT_ID = '111122223333';
/** For verifiers whose clock is slightly behind. */
const BACKDATED_MS = 5 * 60_000;

/** The account in the directory. Creates one first if the directory is empty or missing. */
export async function openAccount(directory: string, now: number): Promise<Account> {
  if (!existsSync(join(directory, ACCOUNT_FILE))) await createAccount(directory, { now });
  return loadAccount(directory);
}

/**
 * Creates a PKI and an account in an empty or missing directory.
 *
 * @throws EMULATOR_DIRECTORY_NOT_EMPTY, EMULATOR_DIRECTORY_UNWRITABLE, or one of `fileErrors`; never
 * overwrites anything
 */
export async function createAccount(directory: string, options: NewAccountOptions = {}): Promise<CreatedAccount> {
  await claimDirectory(directory);
  const pki = await createPki(options.now ?? Date.now(), options.keyType ?? 'P-256');
  const account = newArns(options.region ?? 'eu-central-1');
  const files: readonly NewFile[] = [
    ...filesOf('root-ca', pki.root, pki.root.certificatePem),
    ...filesOf('intermediate-ca', pki.intermediate, pki.intermediate.certificatePem),
    ...filesOf('device', pki.device, pki.device.certificatePem + pki.intermediate.certificatePem),
    // Written last, so that a directory with an account is complete.
    { name: ACCOUNT_FILE, text: renderAccountFile({ ...account, issuerName: INTERMEDIATE_NAME }), mode: 0o644 },
  ];
  for (const file of files) await writeNew(directory, file);
  return {
    accountFile: join(directory, ACCOUNT_FILE),
    certificateFile: join(directory, 'device.pem'),
    privateKeyFile: join(directory, 'device.key'),
    trustAnchorArn: account.trustAnchorArn,
    profileArn: account.profileArn,
    roleArn: account.roleArn,
    region: account.region,
  };
}

const INTERMEDIATE_NAME = 'Example Device CA';

async function createPki(now: number, keyType: KeyType): Promise<Record<'root' | 'intermediate' | 'device', Issued>> {
  const notBefore = now - BACKDATED_MS;
  const authority = { notBefore, notAfter: now + 3650 * DAY_MS, keyType };
  const root = await issueAuthority({ ...authority, subject: named('Example Root CA') });
  const intermediate = await issueAuthority({ ...authority, subject: named(INTERMEDIATE_NAME), pathLength: 0 }, root);
  const leaf = { notBefore, notAfter: now + 30 * DAY_MS, keyType };
  const device = await issueLeaf({ ...leaf, subject: named('device-0001', 'Devices') }, intermediate);
  return { root, intermediate, device };
}

function named(commonName: string, unit?: string): NameAttribute[] {
  return [
    { type: 'O', value: 'Example' },
    ...(unit === undefined ? [] : [{ type: 'OU', value: unit }]),
    { type: 'CN', value: commonName },
  ];
}

function newArns(region: string): Record<'accountId' | 'region' | 'trustAnchorArn' | 'profileArn' | 'roleArn', string> {
  const prefix = `arn:aws:rolesanywhere:${region}:${ACCOUNT_ID}`;
  return {
    accountId: ACCOUNT_ID,
    region,
    trustAnchorArn: `${prefix}:trust-anchor/${randomUUID()}`,
    profileArn: `${prefix}:profile/${randomUUID()}`,
    roleArn: `arn:aws:iam::${ACCOUNT_ID}:role/device`,
  };
}

interface NewFile {
  readonly name: string;
  readonly text: string;
  readonly mode: number;
}

function filesOf(name: string, issued: Issued, certificates: string): NewFile[] {
  return [
    { name: `${name}.pem`, text: certificates, mode: 0o644 },
    { name: `${name}.key`, text: issued.privateKeyPem, mode: 0o600 },
  ];
}

async function claimDirectory(directory: string): Promise<void> {
  const entries = await unlessUnwritable(directory, () => entriesIn(directory));
  const first = entries.at(0);
  if (first === undefined) return;
  const what = entries.includes(ACCOUNT_FILE)
    ? `already has an ${ACCOUNT_FILE}`
    : `has files (${first}) but no ${ACCOUNT_FILE}`;
  throw emulatorError('EMULATOR_DIRECTORY_NOT_EMPTY', `${directory} ${what}`);
}

/** Of a directory that is created if it is missing. */
async function entriesIn(directory: string): Promise<readonly string[]> {
  const place = await openSafePlace(join(directory, ACCOUNT_FILE), { use: 'written', inHome: true }, { make: 0o755 });
  try {
    return await readdir(place.directory);
  } finally {
    await place.close();
  }
}

async function writeNew(directory: string, { name, text, mode }: NewFile): Promise<void> {
  await unlessUnwritable(directory, () => createFile(join(directory, name), () => Promise.resolve(text), mode));
}

async function unlessUnwritable<Result>(directory: string, action: () => Promise<Result>): Promise<Result> {
  try {
    return await action();
  } catch (error) {
    if (error instanceof CodedError) throw error;
    throw emulatorError(
      'EMULATOR_DIRECTORY_UNWRITABLE',
      `cannot create an account in ${directory}: ${messageOf(error)}`,
      error,
    );
  }
}
