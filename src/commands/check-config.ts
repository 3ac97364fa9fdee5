import { resolve } from 'node:path';
import { Command } from 'commander';
import type { Config, RoleConfig } from '../config/config.ts';
import { ConfigInvalid } from '../config/config-errors.ts';
import { type ConfigFile, readConfigFile } from '../config/config-file.ts';
import { examineConfig } from '../config/examined-config.ts';
import { findingLines } from '../doctor/diagnosis-text.ts';
import { placed } from '../doctor/step.ts';
import type { ServedConfig } from '../doctor/unit-check.ts';
import { isoSeconds } from '../foundation/clock.ts';
import { type ConfigFinding, keyText } from '../foundation/config-finding.ts';
import { printable } from '../foundation/printable.ts';
import type { CheckedIdentity } from '../identity/checked-identity.ts';
import type { SigningIdentity } from '../identity/signing-identity.ts';
import { sourceText } from '../keys/key-source.ts';
import { writeReport } from './answer.ts';
import { pasteable } from './own-name.ts';
import { anyEndpoint } from './shell-variables.ts';

export function checkConfigCommand(): Command {
  return new Command('check-config')
    .description('check a configuration file, and the certificate and key it names, without starting anything')
    .argument('<file>', 'configuration file')
    .action(async (file: string) => {
      await checkConfig(await readConfigFile(file));
    });
}

/** @throws ConfigInvalid with all findings, if one of them is an error. */
async function checkConfig(file: ConfigFile): Promise<void> {
  const { config, problems, identity: named } = examineConfig(file.content, file.directory);
  const environment = process.env;
  const checked = named && (await servedIdentity({ file: resolve(file.name), identity: named, config, environment }));
  const { filesNamed, wayFindings, chainFindings, renewalFindings } = await import('../doctor/config-checks.ts');
  const findings = once([
    ...file.findings,
    ...problems.map(({ path, error }) => ({ severity: 'error' as const, path, error })),
    ...(await filesNamed(config, checked?.sourced, environment)),
    ...(checked?.findings ?? []),
    ...(config ? await wayFindings(config, environment) : []),
    ...(config ? await chainFindings(config) : []),
    ...(named ? await renewalFindings(named) : []),
  ]);
  if (!config || findings.some(({ severity }) => severity === 'error'))
    throw new ConfigInvalid(
      file.name,
      findings.map(({ severity, path, error }) => ({ severity, key: keyText(path), place: file.placeOf(path), error })),
    );
  const lines = [
    `${file.name} is good`,
    ...(checked?.service === undefined ? [] : [`  read by      ${checked.service}`]),
    ...(checked?.identity ? identityLines(checked.identity) : []),
    ...(await roleLines(config)),
    ...findings.flatMap((finding) => findingLines(placed(finding, file))),
    ...(await callerLines(config)),
  ];
  await writeReport(printable(pasteable(`${lines.join('\n')}\n`, process.env)));
}

/** A problem found by two checks is reported at the place of the first. */
function once(findings: readonly ConfigFinding[]): readonly ConfigFinding[] {
  const textOf = ({ error }: ConfigFinding): string => `${error.code} ${error.message}`;
  return [...new Map(findings.toReversed().map((finding) => [textOf(finding), finding])).values()].toReversed();
}

interface ServedIdentity extends CheckedIdentity {
  /** With the files that the service gets; undefined if they cannot be read here. */
  readonly sourced: Config['identity'] | undefined;
  /** The systemd unit that reads the configuration, if there is one. */
  readonly service: string | undefined;
}

/** Checks the identity as the systemd unit sees it, if one reads the configuration. */
async function servedIdentity(served: ServedConfig): Promise<ServedIdentity> {
  const [{ checkService }, { provenBySigning, tagFindings }] = await Promise.all([
    import('../doctor/unit-check.ts'),
    import('../doctor/config-checks.ts'),
  ]);
  const { unit, identity: sourced, findings } = await checkService(served);
  const checked = sourced ? await provenBySigning(sourced, served.environment) : { identity: undefined, findings: [] };
  const ofTags = checked.identity ? tagFindings(checked.identity) : [];
  return {
    identity: checked.identity,
    findings: [...findings, ...checked.findings, ...ofTags],
    sourced,
    service: unit?.name,
  };
}

function identityLines({ subject, issuer, notAfter, chain, algorithm, key }: SigningIdentity): string[] {
  return [
    `  certificate  ${subject}`,
    `  issued by    ${issuer}`,
    `  valid until  ${isoSeconds(notAfter)}, ${chain.length} intermediate(s), ${algorithm}`,
    ...keyLines(key),
  ];
}

function keyLines(key: SigningIdentity['key']): string[] {
  if (key.kind === 'spiffe') return [`  SVID         ${key.id}, from the SPIFFE agent`];
  return key.kind === 'file' ? [] : [`  key          ${sourceText(key)}, which has signed and was verified`];
}

async function roleLines({ roles, rolesAnywhere }: Config): Promise<string[]> {
  const { parseArn } = await import('../rolesanywhere/arn.ts');
  const { endpointOf, sessionsUrl } = await import('../rolesanywhere/endpoint.ts');
  const { checkedTrustAnchor } = await import('../rolesanywhere/role-target.ts');
  const { stsUrl } = await import('../sts/endpoint.ts');
  const assumed = ({ assume, trustAnchorArn }: RoleConfig): string[] => {
    if (!assume) return [];
    const { partition } = parseArn(trustAnchorArn, 'trust anchor');
    const from = stsUrl({ ...assume.sts, partition }).origin;
    return [`    assumes ${assume.roleArn}`, `    sessions of ${assume.sessionDuration} s from ${from}`];
  };
  return roles.flatMap((role) => [
    `  role ${role.name}`,
    `    ${role.roleArn}`,
    `    sessions of ${role.sessionDuration} s from ${sessionsUrl(endpointOf(rolesAnywhere, role), checkedTrustAnchor(role)).origin}`,
    ...assumed(role),
    `    served on ${role.imds ? `http://${role.imds.host}:${role.imds.port}` : 'no IMDS endpoint'}`,
  ]);
}

/** Settings in this environment that remain a problem even after `eval "$(imds-anywhere env …)"`. */
async function callerLines(config: Config): Promise<string[]> {
  const endpoint = anyEndpoint(config);
  if (!endpoint) return [];
  const [{ checkEnvironment }, { afterEnv }, { readSharedFiles }] = await Promise.all([
    import('../environment/check-environment.ts'),
    import('../environment/endpoint-variables.ts'),
    import('../environment/shared-files.ts'),
  ]);
  const environment = afterEnv(process.env, endpoint);
  // The daemon may not be running yet, so a missing token file is no problem.
  const findings = checkEnvironment({ environment, files: await readSharedFiles(process.env), endpoint });
  if (findings.length === 0) return [];
  return [
    '  programs started from here do not reach the endpoint, according to `imds-anywhere env --check`:',
    ...findings.map(({ code, what }) => `    ${code}: ${what}`),
  ];
}
