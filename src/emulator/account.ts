import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parse } from 'yaml';
import { type CodedError, messageOf } from '../foundation/errors.ts';
import { checkYamlBounds } from '../foundation/yaml-bounds.ts';
import type { PolicyDocument } from '../iam/policy-document.ts';
import type { AttributeMappings } from '../iam/session-tags.ts';
import type { Certificate } from '../identity/certificate.ts';
import { type AccountFile, parseAccountFile } from './account-file.ts';
import { emulatorError } from './emulator-errors.ts';
import { readAuthorities, readRevocationLists } from './pem-files.ts';

export const ACCOUNT_FILE = 'account.yaml';

/** The emulated account, from account.yaml. */
export interface Account {
  /** Twelve digits. */
  readonly accountId: string;
  readonly region: string;
  readonly partition: string;
  readonly trustAnchors: readonly TrustAnchor[];
  readonly profiles: readonly Profile[];
  readonly roles: readonly Role[];
}

export interface TrustAnchor {
  readonly arn: string;
  readonly enabled: boolean;
  /** One, or two while a CA is being replaced. */
  readonly certificates: readonly Certificate[];
  /** Imported and enabled CRLs, DER. */
  readonly revocationLists: readonly Buffer[];
}

export interface Profile {
  readonly arn: string;
  readonly enabled: boolean;
  readonly roleArns: readonly string[];
  /** 900 to 43200. */
  readonly durationSeconds: number;
  readonly acceptRoleSessionName: boolean;
  readonly requireInstanceProperties: boolean;
  readonly attributeMappings: AttributeMappings;
}

export interface Role {
  readonly arn: string;
  /** Seconds, 3600 to 43200. */
  readonly maxSessionDuration: number;
  readonly trustPolicy: PolicyDocument;
}

/**
 * Reads `account.yaml` in the directory, and the PEM files it names, relative to it.
 *
 * @throws EMULATOR_ACCOUNT_UNREADABLE, EMULATOR_ACCOUNT_INVALID with every problem,
 * EMULATOR_CERTIFICATE_UNREADABLE
 */
export async function loadAccount(directory: string): Promise<Account> {
  const path = join(directory, ACCOUNT_FILE);
  const parsed = parseAccountFile(parseYaml(await readText(path), path));
  if ('problems' in parsed) throw invalid(path, parsed.problems);
  const { trustAnchors, ...account } = parsed.file;
  return {
    ...account,
    trustAnchors: await Promise.all(trustAnchors.map((anchor) => loadTrustAnchor(directory, anchor))),
  };
}

async function loadTrustAnchor(directory: string, anchor: AccountFile['trustAnchors'][number]): Promise<TrustAnchor> {
  const filesOf = (names: readonly string[]): string[] => names.map((name) => resolve(directory, name));
  const certificates = await Promise.all(filesOf(anchor.certificates).map(readAuthorities));
  const revocationLists = await Promise.all(filesOf(anchor.revocationLists).map(readRevocationLists));
  return { ...anchor, certificates: certificates.flat(), revocationLists: revocationLists.flat() };
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw emulatorError('EMULATOR_ACCOUNT_UNREADABLE', `cannot read ${path}: ${messageOf(error)}`, error);
  }
}

function parseYaml(text: string, path: string): unknown {
  try {
    checkYamlBounds(text);
    return parse(text, { logLevel: 'error' });
  } catch (error) {
    throw invalid(path, [messageOf(error)]);
  }
}

function invalid(path: string, problems: readonly string[]): CodedError {
  return emulatorError('EMULATOR_ACCOUNT_INVALID', [`${path} is not an account:`, ...problems].join('\n  '));
}
