// What an account has for one role: read call by call, so that a missing right leaves out one part only.
import * as v from 'valibot';
import { messageOf } from '../foundation/errors.ts';
import { elementIn, textIn } from '../foundation/xml-text.ts';
import { lastPart } from '../iam/aws-commands.ts';
import { type PastedRole, pastedRole } from '../iam/pasted-policy.ts';
import { type ProfileSettings, profileSettings } from '../iam/profile-json.ts';
import { type Certificate, readCertificate } from '../identity/certificate.ts';
import { pemBlocks, pemDer } from '../identity/pem.ts';
import { parseArn, roleName } from '../rolesanywhere/arn.ts';
import type { HttpAnswer } from '../rolesanywhere/send.ts';
import {
  type AccountMeans,
  type AccountPlace,
  callerIdentityRead,
  type NotRead,
  readBy,
  type ReadOperation,
  roleRead,
  rolesAnywhereRead,
} from './account-call.ts';
import { accountError } from './account-errors.ts';
import { revokedSerials } from './revoked-serials.ts';

export interface TrustAnchor {
  readonly enabled: boolean;
  /** Undefined: AWS Private CA has them. */
  readonly certificates: readonly Certificate[] | undefined;
}

/** An enabled revocation list of the trust anchor. */
export interface RevocationList {
  readonly name: string;
  readonly serials: ReadonlySet<string>;
}

/** One part of the account. */
export type Read<Value> = { readonly value: Value } | NotRead;

export interface AccountSide {
  readonly anchor: Read<TrustAnchor>;
  readonly lists: Read<readonly RevocationList[]>;
  readonly profile: Read<ProfileSettings>;
  readonly role: Read<PastedRole>;
}

/** The resources to read. */
export interface AskedArns {
  readonly trustAnchorArn: string;
  readonly profileArn: string;
  readonly roleArn: string;
}

/** @throws CodedError ACCOUNT_DIFFERS, ACCOUNT_KEYS_REFUSED or another one if the keys are of no use here. */
export async function readAccount(arns: AskedArns, place: AccountPlace, means: AccountMeans): Promise<AccountSide> {
  await requireAccount(parseArn(arns.roleArn, 'role').accountId, place, means);
  const { trustAnchorArn, profileArn, roleArn } = arns;
  const [anchor, lists, profile, role] = await Promise.all([
    read(rolesAnywhereRead(place, 'GetTrustAnchor', ['trustanchor', lastPart(trustAnchorArn)]), means, anchorIn),
    readLists(trustAnchorArn, place, means),
    read(rolesAnywhereRead(place, 'GetProfile', ['profile', lastPart(profileArn)]), means, profileIn),
    read(roleRead(place, roleName(parseArn(roleArn, 'role'))), means, roleIn),
  ]);
  return { anchor, lists, profile, role };
}

/** In another account, resources with the same names may exist, and the right ones seem to be missing. */
async function requireAccount(accountId: string, place: AccountPlace, means: AccountMeans): Promise<void> {
  const caller = await read(callerIdentityRead(place), means, ({ body }) => {
    const account = textIn(body, 'Account');
    if (account === undefined) throw new Error('the answer has no account');
    return account;
  });
  if ('unread' in caller) throw caller.unread;
  if ('missing' in caller) throw accountError('ACCOUNT_NOT_READ', 'sts:GetCallerIdentity found nothing');
  if (caller.value !== accountId)
    throw accountError('ACCOUNT_DIFFERS', `the keys are of account ${caller.value}, the ARNs name ${accountId}`);
}

async function read<Value>(
  operation: ReadOperation,
  means: AccountMeans,
  parse: (answer: HttpAnswer) => Value,
): Promise<Read<Value>> {
  const result = await readBy(operation, means);
  if (!('answer' in result)) return result;
  try {
    return { value: parse(result.answer) };
  } catch (error) {
    const what = `the answer of ${operation.action} is unusable: ${messageOf(error)}`;
    return { unread: accountError('ACCOUNT_NOT_READ', what) };
  }
}

const anchorSchema = v.object({
  trustAnchor: v.object({
    enabled: v.boolean(),
    source: v.object({ sourceData: v.object({ x509CertificateData: v.optional(v.string()) }) }),
  }),
});

function anchorIn({ body }: HttpAnswer): TrustAnchor {
  const { enabled, source } = v.parse(anchorSchema, JSON.parse(body)).trustAnchor;
  return { enabled, certificates: certificatesIn(source.sourceData.x509CertificateData) };
}

function certificatesIn(pem = ''): Certificate[] | undefined {
  const blocks = pemBlocks(pem, 'the trust anchor').filter(({ label }) => label === 'CERTIFICATE');
  return blocks.length === 0 ? undefined : blocks.map((block) => readCertificate(pemDer(block)));
}

function profileIn({ body }: HttpAnswer): ProfileSettings {
  return profileSettings(JSON.parse(body), 'it');
}

/** Its document is encoded as in a URL. */
function roleIn({ body }: HttpAnswer): PastedRole {
  const role = elementIn(body, 'Role') ?? '';
  const duration = textIn(role, 'MaxSessionDuration');
  const Role = {
    AssumeRolePolicyDocument: JSON.parse(decodeURIComponent(textIn(role, 'AssumeRolePolicyDocument') ?? '')) as unknown,
    Arn: textIn(role, 'Arn'),
    MaxSessionDuration: duration === undefined ? undefined : Number(duration),
  };
  return pastedRole({ Role }, 'it');
}

const listsSchema = v.object({
  nextToken: v.optional(v.nullable(v.string())),
  crls: v.optional(
    v.array(
      v.object({
        name: v.optional(v.string(), ''),
        enabled: v.optional(v.boolean(), false),
        crlData: v.optional(v.string(), ''),
        trustAnchorArn: v.optional(v.string()),
      }),
    ),
    [],
  ),
});

/** A trust anchor has two lists at most, so more pages are those of other anchors. */
const MOST_PAGES = 20;

async function readLists(
  trustAnchorArn: string,
  place: AccountPlace,
  means: AccountMeans,
): Promise<Read<readonly RevocationList[]>> {
  const lists: RevocationList[] = [];
  let token: string | undefined;
  for (let page = 0; page < MOST_PAGES; page += 1) {
    const query: Readonly<Record<string, string>> = token === undefined ? {} : { nextToken: token };
    const result = await read(rolesAnywhereRead(place, 'ListCrls', ['crls'], query), means, ({ body }) =>
      v.parse(listsSchema, JSON.parse(body)),
    );
    if (!('value' in result)) return result;
    const own = result.value.crls.filter((list) => list.enabled && list.trustAnchorArn === trustAnchorArn);
    try {
      lists.push(
        ...own.map(({ name, crlData }) => ({ name, serials: revokedSerials(Buffer.from(crlData, 'base64')) })),
      );
    } catch (error) {
      const what = `a revocation list of ${trustAnchorArn} cannot be read: ${messageOf(error)}`;
      return { unread: accountError('ACCOUNT_NOT_READ', what) };
    }
    token = result.value.nextToken ?? undefined;
    if (token === undefined) return { value: lists };
  }
  return { unread: accountError('ACCOUNT_NOT_READ', `rolesanywhere:ListCrls has more than ${MOST_PAGES} pages`) };
}
