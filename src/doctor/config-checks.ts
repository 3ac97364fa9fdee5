// What can be known of a configuration before it is used: for `check-config` and `doctor`.

import type { Config, IdentityConfig } from '../config/config.ts';
import { readEachOnce, readFileContent } from '../files/read-file.ts';
import { systemClock } from '../foundation/clock.ts';
import type { ConfigFinding } from '../foundation/config-finding.ts';
import { asCodedError } from '../foundation/errors.ts';
import type { Environment } from '../foundation/process-environment.ts';
import { tagWarnings } from '../iam/tag-warnings.ts';
import { readCertificate } from '../identity/certificate.ts';
import { type CheckedIdentity, checkIdentity } from '../identity/checked-identity.ts';
import { loadIdentity } from '../identity/load-identity.ts';
import { withOutsideKeys } from '../identity/outside-identity.ts';
import type { SigningIdentity } from '../identity/signing-identity.ts';
import { keysOfCommand } from '../keys/outside-keys.ts';
import { checkRenewal } from '../renewal/checked-program.ts';
import { checkWay } from '../rolesanywhere/checked-way.ts';
import { endpointOf, sessionsUrl } from '../rolesanywhere/endpoint.ts';
import { checkedTrustAnchor } from '../rolesanywhere/role-target.ts';
import { packedSizeFindings } from '../sts/packed-size.ts';
import { policyIn } from '../sts/session-policy.ts';
import { fileFindings, identityFileFindings } from './named-files.ts';

/** Who else could change the files in the configuration, and problems on the way to them. */
export async function filesNamed(
  config: Config | undefined,
  identity: IdentityConfig | undefined,
  environment: Environment,
): Promise<readonly ConfigFinding[]> {
  return [
    ...(identity ? await identityFileFindings(identity, environment) : []),
    ...(config ? await fileFindings(config, environment) : []),
    ...(config ? await clusterKeyFindings(config) : []),
  ];
}

/** A file of cluster keys that the daemon would wait for. Who could change it is another finding. */
async function clusterKeyFindings({ container }: Config): Promise<ConfigFinding[]> {
  const keys = container?.kubernetes?.jwks;
  if (keys?.from !== 'file') return [];
  const error = await readFileContent(keys.path).then(
    () => undefined,
    (reason: unknown) => asCodedError(reason),
  );
  if (!error || !['FILE_MISSING', 'FILE_UNREADABLE'].includes(error.code)) return [];
  return [{ severity: 'error', path: ['container', 'kubernetes', 'jwks', 'file'], error }];
}

/** Reads and proves an identity like the daemon. A key outside of files signs once. */
export async function provenBySigning(identity: IdentityConfig, environment: Environment): Promise<CheckedIdentity> {
  const context = { now: systemClock.now(), environment, read: readEachOnce() };
  return checkIdentity(identity, context, withOutsideKeys(loadIdentity, keysOfCommand(environment)));
}

export function tagFindings(identity: SigningIdentity): readonly ConfigFinding[] {
  return tagWarnings(readCertificate(identity.certificate)).map((error) => ({
    severity: 'warning',
    path: ['identity', identity.key.kind === 'spiffe' ? 'spiffe' : 'certificate'],
    error,
  }));
}

export async function renewalFindings(identity: IdentityConfig): Promise<readonly ConfigFinding[]> {
  return identity.renew ? checkRenewal(identity) : [];
}

/** The CA bundle, and variables of the environment. */
export async function wayFindings(
  { roles, rolesAnywhere }: Config,
  environment: Environment,
): Promise<readonly ConfigFinding[]> {
  const [role] = roles;
  if (!role) return [];
  return checkWay(rolesAnywhere, sessionsUrl(endpointOf(rolesAnywhere, role), checkedTrustAnchor(role)), environment);
}

/** Session policies in files, and tags that STS may find too large. */
export async function chainFindings({ roles }: Config): Promise<readonly ConfigFinding[]> {
  const chained = roles.flatMap(({ assume }, index) => (assume ? [{ assume, path: ['roles', index, 'assume'] }] : []));
  const found = chained.map(async ({ assume, path }): Promise<ConfigFinding[]> => {
    const policy = await policyIn(assume.policy).then(
      () => undefined,
      (error: unknown) => asCodedError(error),
    );
    return policy ? [{ severity: 'error', path: [...path, 'policy', 'file'], error: policy }] : [];
  });
  return [...packedSizeFindings(roles), ...(await Promise.all(found)).flat()];
}
