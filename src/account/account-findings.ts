// Compares an account with a certificate and the configuration of a role. Pure.
import { isoSeconds } from '../foundation/clock.ts';
import type { CodedError } from '../foundation/errors.ts';
import { shellWord } from '../foundation/shell-word.ts';
import type { PastedRole } from '../iam/pasted-policy.ts';
import { type TestedAction, type TestedCall, testedPermission, testedTrust } from '../iam/policy-test.ts';
import { DEFAULT_PROFILE, type ProfileSettings } from '../iam/profile-json.ts';
import { seenCertificate } from '../iam/seen-certificate.ts';
import { DEFAULT_MAPPINGS } from '../iam/session-tags.ts';
import type { Certificate } from '../identity/certificate.ts';
import { isValidAt, reachesAnchor } from '../identity/signing-chain.ts';
import type { ChainedTarget, RoleTarget } from '../rolesanywhere/role-target.ts';
import {
  anchorCommand,
  enableProfileCommand,
  listCommand,
  mapCommand,
  roleDurationCommand,
  showRoleCommand,
  updateProfileCommand,
} from './account-commands.ts';
import { accountError, correctable } from './account-errors.ts';
import type { AccountSide, Read, RevocationList, TrustAnchor } from './account-side.ts';

/** What asks for a session. */
export interface Asking {
  readonly role: RoleTarget & ChainedTarget;
  readonly certificate: Certificate;
  /** The intermediates that are sent with it. */
  readonly chain: readonly Certificate[];
  /** Milliseconds since the epoch. */
  readonly now: number;
}

export interface AccountFinding {
  /** An error makes every call fail. */
  readonly severity: 'error' | 'warning';
  readonly error: CodedError;
}

/** In the order in which the service would find them, as far as it is known. */
export function accountFindings(side: AccountSide, asking: Asking): AccountFinding[] {
  const { trustAnchorArn, profileArn, roleArn } = asking.role;
  const anchor = part(
    side.anchor,
    (value) => anchorFindings(value, asking),
    () =>
      fault('ACCOUNT_ANCHOR_MISSING', `there is no ${trustAnchorArn}`, listCommand('trust-anchors', trustAnchorArn)),
  );
  const lists = part(side.lists, (value) => revocations(value, asking));
  const profile = part(
    side.profile,
    (value) => profileFindings(value, asking),
    () => fault('ACCOUNT_PROFILE_MISSING', `there is no ${profileArn}`, listCommand('profiles', profileArn)),
  );
  const known = 'value' in side.profile ? side.profile.value : undefined;
  const role = part(
    side.role,
    (value) => roleFindings(value, known, asking),
    () => fault('ACCOUNT_ROLE_MISSING', `there is no ${roleArn}`, showRoleCommand(roleArn)),
  );
  return [...anchor, ...lists, ...profile, ...role];
}

/** Parts that could not be read, each with the reason. */
export function unreadParts(side: AccountSide): string[] {
  const parts: readonly (readonly [string, Read<unknown>])[] = [
    ['the trust anchor', side.anchor],
    ['the revocation lists', side.lists],
    ['the profile', side.profile],
    ['the role and its trust policy', side.role],
  ];
  const unread = parts.flatMap(([what, read]) => ('unread' in read ? [`${what}: ${read.unread.message}`] : []));
  const isPrivate = 'value' in side.anchor && side.anchor.value.certificates === undefined;
  return isPrivate ? [...unread, 'the certificates of the trust anchor: AWS Private CA has them'] : unread;
}

function part<Value>(
  read: Read<Value>,
  findings: (value: Value) => AccountFinding[],
  missing?: () => AccountFinding,
): AccountFinding[] {
  if ('value' in read) return findings(read.value);
  return 'missing' in read && missing ? [missing()] : [];
}

/** With the command that corrects or shows it. */
function fault(...correction: Parameters<typeof correctable>): AccountFinding {
  return fatal(correctable(...correction));
}

function fatal(error: CodedError): AccountFinding {
  return { severity: 'error', error };
}

function anchorFindings({ enabled, certificates }: TrustAnchor, asking: Asking): AccountFinding[] {
  const arn = asking.role.trustAnchorArn;
  const disabled = fault('ACCOUNT_ANCHOR_DISABLED', `${arn} is disabled`, anchorCommand('enable', arn));
  return [...(enabled ? [] : [disabled]), ...(certificates ? caFindings(certificates, asking) : [])];
}

/** One valid CA that the certificate leads to is enough: an anchor has two while a CA is replaced. */
function caFindings(cas: readonly Certificate[], { role, certificate, chain, now }: Asking): AccountFinding[] {
  const arn = role.trustAnchorArn;
  const issuing = cas.filter((ca) => reachesAnchor(certificate, chain, [ca], now));
  if (issuing.some((ca) => isValidAt(ca, now))) return [];
  const names = cas.map(({ subjectText }) => `"${subjectText}"`).join(' and ');
  if (issuing.length === 0) {
    const top = chain.at(-1) ?? certificate;
    const what = `the trust anchor has ${names}, and the certificate leads to "${top.issuerText}"`;
    return [fault('ACCOUNT_ANCHOR_OTHER_CA', what, anchorCommand('get', arn))];
  }
  const until = Math.max(...issuing.map(({ notAfter }) => notAfter));
  const what = `the CA of the trust anchor, ${names}, is valid until ${isoSeconds(until)} only`;
  return [fault('ACCOUNT_ANCHOR_EXPIRED', what, anchorCommand('get', arn))];
}

function revocations(lists: readonly RevocationList[], { certificate, chain, role }: Asking): AccountFinding[] {
  return [certificate, ...chain].flatMap(({ serial, serialHex, subjectText }) => {
    const list = lists.find(({ serials }) => serials.has(serial));
    if (!list) return [];
    const what = `the revocation list "${list.name}" of the trust anchor names ${serialHex}, the serial number of ${subjectText}`;
    return [fault('ACCOUNT_CERTIFICATE_REVOKED', what, listCommand('crls', role.trustAnchorArn))];
  });
}

function profileFindings(profile: ProfileSettings, asking: Asking): AccountFinding[] {
  const { role } = asking;
  const { profileArn, roleArn, roleSessionName, sessionDuration } = role;
  const { enabled, roleArns = [], acceptRoleSessionName, durationSeconds = Infinity } = profile;
  const { requireInstanceProperties = false } = profile;
  const update = (...options: string[]): string => updateProfileCommand(profileArn, ...options);
  const all = [...roleArns, roleArn].map(shellWord).join(' ');
  const findings = [
    enabled === false &&
      fault('ACCOUNT_PROFILE_DISABLED', `${profileArn} is disabled`, enableProfileCommand(profileArn)),
    !roleArns.includes(roleArn) &&
      fault('ACCOUNT_PROFILE_LACKS_ROLE', `${profileArn} does not list ${roleArn}`, update(`--role-arns ${all}`)),
    roleSessionName !== undefined &&
      acceptRoleSessionName === false &&
      fault(
        'ACCOUNT_SESSION_NAME_REFUSED',
        `roleSessionName is "${roleSessionName}", and ${profileArn} accepts none`,
        update('--accept-role-session-name'),
      ),
    requireInstanceProperties && {
      severity: 'warning' as const,
      error: accountError('ACCOUNT_PROFILE_NEEDS_PROPERTIES', `${profileArn} requires instance properties`),
    },
    sessionDuration > durationSeconds && {
      severity: 'warning' as const,
      error: correctable(
        'ACCOUNT_DURATION_ABOVE_PROFILE',
        `sessionDuration is ${sessionDuration} s, and sessions of the profile end after ${durationSeconds} s`,
        update(`--duration-seconds ${sessionDuration}`),
      ),
    },
  ];
  return [...findings.filter((one) => one !== false), ...chainFindings(profile, asking)];
}

/** Without a session policy, nothing of the profile limits a chain. Managed policies are not known. */
function chainFindings(profile: ProfileSettings, asking: Asking): AccountFinding[] {
  const { assume } = asking.role;
  if (!assume || profile.sessionPolicies.length === 0 || profile.managedPolicyArns.length > 0) return [];
  const limits = { policies: undefined, boundary: undefined, sessionPolicies: [] };
  const denied = ['sts:AssumeRole', 'sts:SetSourceIdentity']
    .map((action) => testedPermission({ action, resource: assume.roleArn }, limits, callOf(asking, profile)))
    .filter(({ allowed }) => !allowed);
  if (denied.length === 0) return [];
  const what = `the session policy of the profile: ${reasons(denied)} (on ${assume.roleArn})`;
  return [fatal(accountError('ACCOUNT_SESSION_POLICY_DENIES', what))];
}

function roleFindings(role: PastedRole, profile: ProfileSettings | undefined, asking: Asking): AccountFinding[] {
  const { roleArn, sessionDuration } = asking.role;
  const { maxSessionDuration = Infinity } = role;
  const granted = Math.min(sessionDuration, profile?.durationSeconds ?? Infinity);
  const tooLong = `a session of ${granted} s is asked for, and ${roleArn} allows ${maxSessionDuration} s`;
  return [
    ...trustFindings(role, profile, asking),
    ...(granted > maxSessionDuration
      ? [fault('ACCOUNT_DURATION_ABOVE_ROLE', tooLong, roleDurationCommand(roleArn, granted))]
      : []),
  ];
}

function trustFindings(
  { trustPolicy }: PastedRole,
  profile: ProfileSettings | undefined,
  asking: Asking,
): AccountFinding[] {
  const call = callOf(asking, profile ?? DEFAULT_PROFILE);
  const denied = testedTrust(trustPolicy, call).filter(({ allowed }) => !allowed);
  if (denied.length === 0) return [];
  const unmapped = profile ? unmappedFindings(denied, profile, asking) : [];
  if (unmapped.length > 0) return unmapped;
  // With a key whose value only AWS knows, or without the mappings, it may be allowed.
  const isSure = profile !== undefined && denied.every(({ unknownKeys }) => unknownKeys.length === 0);
  const { roleArn } = asking.role;
  const error = correctable('ACCOUNT_TRUST_DENIES', reasons(denied), showRoleCommand(roleArn));
  return [{ severity: isSure ? 'error' : 'warning', error }];
}

function reasons(denied: readonly TestedAction[]): string {
  return denied.map(({ action, reason }) => `${action}: ${reason}`).join('; ');
}

/** Tags that the trust policy asks for and the certificate has, but the profile does not map. */
function unmappedFindings(denied: readonly TestedAction[], profile: ProfileSettings, asking: Asking): AccountFinding[] {
  const possible = [...seenCertificate(asking.certificate, DEFAULT_MAPPINGS).tags.keys()];
  const wanted = denied
    .flatMap(({ layers }) => layers.flatMap(({ statements }) => statements.flatMap(({ checks }) => checks)))
    .flatMap(({ key, isMet, actual }) => (isMet || key === undefined || actual.length > 0 ? [] : [key]))
    .map((key) => key.replace(/^aws:(?:principal|request)tag\//i, '').toLowerCase());
  const { profileArn } = asking.role;
  return possible
    .filter((key) => wanted.includes(key.toLowerCase()))
    .map((key) => {
      const what = `the trust policy asks for ${key}, which the certificate has and ${profileArn} does not map`;
      return fault('ACCOUNT_MAPPING_LACKS_TAG', what, mapCommand(profileArn, key, profile.mappings));
    });
}

function callOf({ role, certificate, now }: Asking, profile: ProfileSettings): TestedCall {
  const { trustAnchorArn, profileArn, roleArn, roleSessionName } = role;
  return {
    seen: seenCertificate(certificate, profile.mappings),
    account: { trustAnchorArn, profileArn, roleArn, roleSessionName, profile },
    now,
  };
}
