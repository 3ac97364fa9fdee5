import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parse } from 'yaml';
import { type CodedError, messageOf } from '../../foundation/errors.ts';
import { utf8Text } from '../../foundation/utf8-text.ts';
import { checkYamlBounds } from '../../foundation/yaml-bounds.ts';
import type { Policy } from '../../iam/evaluate.ts';
import type { PolicyDocument } from '../../iam/policy-document.ts';
import type { AttributeMappings } from '../../iam/session-tags.ts';
import type { Certificate } from '../../identity/certificate.ts';
import { emulatorError } from '../emulator-errors.ts';
import { type AccountFile, parseAccountFile } from './account-file.ts';
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
  /** Those of other accounts can only be the end of a chain. */
  readonly roles: readonly Role[];
  /** By ARN. */
  readonly managedPolicies: ReadonlyMap<string, Policy>;
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
  /** Inline and managed; they limit the sessions of the profile. */
  readonly sessionPolicies: readonly Policy[];
}

export interface Role {
  readonly arn: string;
  /** Seconds, 3600 to 43200. */
  readonly maxSessionDuration: number;
  readonly tags: ReadonlyMap<string, string>;
  readonly trustPolicy: PolicyDocument;
  /** Inline and managed. */
  readonly policies: readonly Policy[];
  readonly permissionsBoundary: Policy | undefined;
}

/**
 * Reads `account.yaml` in the directory, and the PEM files it names, relative to it.
 *
 * @throws EMULATOR_ACCOUNT_UNREADABLE, EMULATOR_ACCOUNT_INVALID with every problem,
 * EMULATOR_CERTIFICATE_UNREADABLE
 */
export async function loadAccount(directory: string): Promise<Account> {
  const path = join(directory, ACCOUNT_FILE);
  const parsed = parseAccountFile(parseYaml(await readBytes(path), path));
  if ('problems' in parsed) throw invalid(path, parsed.problems);
  const { accountId, region, partition, trustAnchors, profiles, roles } = parsed.file;
  const managedPolicies = managedPoliciesOf(parsed.file);
  return {
    accountId,
    region,
    partition,
    profiles: profiles.map((profile) => profileOf(profile, managedPolicies)),
    roles: roles.map((role) => roleOf(role, managedPolicies)),
    managedPolicies,
    trustAnchors: await Promise.all(trustAnchors.map((anchor) => loadTrustAnchor(directory, anchor))),
  };
}

function managedPoliciesOf({ managedPolicies }: AccountFile): Map<string, Policy> {
  return new Map(managedPolicies.map(({ arn, document }) => [arn, { name: `the managed policy ${arn}`, ...document }]));
}

/** The file was checked for missing ones. */
function attached(arns: readonly string[], managed: ReadonlyMap<string, Policy>): Policy[] {
  return arns.map((arn) => managed.get(arn)).filter((policy) => policy !== undefined);
}

function profileOf(
  { sessionPolicy, managedPolicyArns, ...profile }: AccountFile['profiles'][number],
  managed: ReadonlyMap<string, Policy>,
): Profile {
  const inline = sessionPolicy ? [{ name: `the session policy of ${profile.arn}`, ...sessionPolicy }] : [];
  return { ...profile, sessionPolicies: [...inline, ...attached(managedPolicyArns, managed)] };
}

function roleOf(
  { tags, policies, managedPolicyArns, permissionsBoundary, ...role }: AccountFile['roles'][number],
  managed: ReadonlyMap<string, Policy>,
): Role {
  const inline = Object.entries(policies).map(([name, document]) => ({
    name: `the inline policy ${name} of ${role.arn}`,
    ...document,
  }));
  return {
    ...role,
    tags: new Map(Object.entries(tags)),
    policies: [...inline, ...attached(managedPolicyArns, managed)],
    permissionsBoundary: permissionsBoundary === undefined ? undefined : managed.get(permissionsBoundary),
  };
}

async function loadTrustAnchor(directory: string, anchor: AccountFile['trustAnchors'][number]): Promise<TrustAnchor> {
  const filesOf = (names: readonly string[]): string[] => names.map((name) => resolve(directory, name));
  const certificates = await Promise.all(filesOf(anchor.certificates).map(readAuthorities));
  const revocationLists = await Promise.all(filesOf(anchor.revocationLists).map(readRevocationLists));
  return { ...anchor, certificates: certificates.flat(), revocationLists: revocationLists.flat() };
}

async function readBytes(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw emulatorError('EMULATOR_ACCOUNT_UNREADABLE', `cannot read ${path}: ${messageOf(error)}`, error);
  }
}

function parseYaml(bytes: Buffer, path: string): unknown {
  try {
    const text = utf8Text(bytes);
    checkYamlBounds(text);
    return parse(text, { logLevel: 'error' });
  } catch (error) {
    throw invalid(path, [messageOf(error)]);
  }
}

function invalid(path: string, problems: readonly string[]): CodedError {
  return emulatorError('EMULATOR_ACCOUNT_INVALID', [`${path} is not an account:`, ...problems].join('\n  '));
}
