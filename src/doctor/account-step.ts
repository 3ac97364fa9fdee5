// What the account says: read with the keys of another profile, because the identity may have no session yet.

import type { AccountMeans } from '../account/account-call.ts';
import type { AccountFinding } from '../account/account-findings.ts';
import type { AccountSide } from '../account/account-side.ts';
import type { RoleConfig, RolesAnywhereConfig } from '../config/config.ts';
import { asCodedError } from '../foundation/errors.ts';
import { readCertificate } from '../identity/certificate.ts';
import type { SigningIdentity } from '../identity/signing-identity.ts';
import type { HttpAnswer, Send } from '../rolesanywhere/send.ts';
import { asFinding, type Fact, type Found, type Known, type Request, type Step } from './step.ts';

export const ACCOUNT: Step = { name: 'account', title: 'account', area: 'service', check: checkAccount };

async function checkAccount({ config, roles, identity }: Known, request: Request): Promise<Found> {
  if (request.withProfile === undefined)
    return {
      unchecked: ['anchor, profile and role in the account: set --with-profile to a profile that may read them'],
    };
  if (!identity) return { unchecked: ['the certificate is not known'] };
  try {
    const means = await meansOf(request.withProfile, config.rolesAnywhere, request);
    const compared: Compared[] = [];
    // One after the other: the service allows one such call a second.
    for (const role of roles) compared.push(await comparedRole(role, { config, identity, means, request }));
    return foundIn(compared);
  } catch (error) {
    // It says nothing about the identity, so it is no cause.
    return { findings: [asFinding(asCodedError(error), 'warning')], unchecked: ['the account'] };
  }
}

interface Compared {
  readonly side: AccountSide;
  readonly findings: readonly AccountFinding[];
  readonly unread: readonly string[];
}

async function meansOf(profile: string, { caBundle }: RolesAnywhereConfig, request: Request): Promise<AccountMeans> {
  const [{ keysOfProfile }, { httpsTransport }] = await Promise.all([
    import('../account/profile-keys.ts'),
    import('../rolesanywhere/https-transport.ts'),
  ]);
  const { environment, userAgent, clock } = request;
  const send = httpsTransport({ environment, userAgent, caBundle });
  return {
    keys: await keysOfProfile(profile, environment),
    send: onceEach(send),
    now: () => clock.now(),
    signal: new AbortController().signal,
  };
}

/** Roles share profile and trust anchor. */
function onceEach(send: Send): Send {
  const answers = new Map<string, Promise<HttpAnswer>>();
  return (request, signal) => {
    const name = `${request.url} ${request.body}`;
    const answer = answers.get(name) ?? send(request, signal);
    answers.set(name, answer);
    return answer;
  };
}

interface Circumstances {
  readonly config: Known['config'];
  readonly identity: SigningIdentity;
  readonly means: AccountMeans;
  readonly request: Request;
}

async function comparedRole(
  role: RoleConfig,
  { config, identity, means, request: { environment } }: Circumstances,
): Promise<Compared> {
  const [{ accountFindings, unreadParts }, { readAccount }, { parseArn }, { endpointOf }] = await Promise.all([
    import('../account/account-findings.ts'),
    import('../account/account-side.ts'),
    import('../rolesanywhere/arn.ts'),
    import('../rolesanywhere/endpoint.ts'),
  ]);
  const { partition, region } = parseArn(role.trustAnchorArn, 'trust anchor');
  const place = { partition, region, rolesAnywhere: endpointOf(config.rolesAnywhere, role), environment };
  const side = await readAccount(role, place, means);
  const certificate = readCertificate(identity.certificate);
  const asking = { role, certificate, chain: identity.chain.map(readCertificate), now: means.now() };
  return { side, findings: accountFindings(side, asking), unread: unreadParts(side) };
}

function foundIn(compared: readonly Compared[]): Found {
  const findings = compared.flatMap(({ findings }) =>
    findings.map(({ severity, error }) => asFinding(error, severity)),
  );
  const byText = new Map(findings.map((finding) => [finding.message, finding]));
  const facts: readonly (readonly [Fact, keyof AccountSide])[] = [
    ['anchor', 'anchor'],
    ['profile', 'profile'],
    ['role', 'role'],
    ['trust policy', 'role'],
  ];
  const known = facts
    .filter(([, part]) => compared.every(({ side }) => 'value' in side[part]))
    // Without the certificates of the anchor, nothing is known about the path to it.
    .filter(([fact]) => fact !== 'anchor' || compared.every(({ side }) => hasCertificates(side)))
    .map(([fact]) => fact);
  const isGood = findings.length === 0 && known.length > 0;
  return {
    seen: isGood ? [`${known.join(', ')} in the account fit the certificate`] : [],
    findings: [...byText.values()],
    unchecked: [...new Set(compared.flatMap(({ unread }) => unread))],
    learned: isGood ? { facts: known } : {},
  };
}

function hasCertificates({ anchor }: AccountSide): boolean {
  return 'value' in anchor && anchor.value.certificates !== undefined;
}
