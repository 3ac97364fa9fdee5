import { keyText } from '../foundation/config-finding.ts';
import type { CodedError } from '../foundation/errors.ts';
import { checkForm, type FormProblem } from './check-form.ts';
import type { Config, IdentityConfig } from './config.ts';
import { configError, ConfigInvalid, type ConfigProblem } from './config-errors.ts';
import { resolveConfig } from './resolve-config.ts';
import { resolveIdentity } from './resolve-identity.ts';

/**
 * Flags of `aws_signing_helper` with the same meaning here, as parsed, and our own for the
 * passphrase.
 */
export interface IdentityFlags {
  readonly certificate?: string;
  readonly privateKey?: string;
  readonly intermediates?: string;
  readonly trustAnchorArn?: string;
  readonly profileArn?: string;
  readonly roleArn?: string;
  readonly region?: string;
  readonly endpoint?: string;
  readonly sessionDuration?: number;
  readonly roleSessionName?: string;
  readonly port?: number;
  readonly hopLimit?: number;
  readonly passphraseFile?: string;
  readonly passphraseEnvironment?: string;
  readonly caBundle?: string;
  readonly allowReadableKey?: boolean;
  readonly pkcs11Lib?: string;
  readonly certificateSelector?: IdentityConfig['certificateSelector'];
  readonly debug?: boolean;
}

/**
 * One role from flags. The helper signs for `--region`. Here the region is always the trust
 * anchor's, so the flag must match it. It is also the region of the IMDS region paths.
 *
 * @throws ConfigInvalid with every problem, by flag.
 */
export function configFromFlags(flags: IdentityFlags, workingDirectory: string): Config {
  const form = checkForm(written(flags), workingDirectory);
  const outcome = form.ok ? resolveConfig(form.config) : form;
  const problems = [
    ...(outcome.ok ? [] : outcome.problems),
    ...regionProblems(flags),
    ...(form.ok ? [] : missingArns(flags)),
  ];
  if (outcome.ok && problems.length === 0) return outcome.config;
  throw invalid(problems);
}

/**
 * An identity whose certificate is not issued yet.
 *
 * @throws ConfigInvalid with every problem, by flag.
 */
export function keyFromFlags(flags: IdentityFlags, workingDirectory: string): IdentityConfig {
  // Required by every configuration, but not read here.
  const form = checkForm(written({ ...flags, certificate: 'any', roleArn: 'any' }), workingDirectory);
  if (form.ok) return resolveIdentity(form.config.identity);
  throw invalid(form.problems);
}

function invalid(problems: readonly FormProblem[]): ConfigInvalid {
  return new ConfigInvalid(
    'the command line',
    problems.map(({ path, error }) => problemOf(flagOf(keyText(path)), error)),
  );
}

/** A missing flag has no other possible place. */
function problemOf(key: string, error: CodedError): ConfigProblem {
  const isMissing = error.code === 'CONFIG_MISSING_KEY' && key.startsWith('--');
  return { key, error: isMissing ? configError('CONFIG_MISSING_KEY', `${key} is missing`) : error };
}

/** The flags in the form of the configuration file. */
function written(flags: IdentityFlags): unknown {
  return defined({
    identity: defined({
      certificate: flags.certificate,
      privateKey: flags.privateKey,
      intermediates: flags.intermediates,
      passphrase: passphraseOf(flags),
      allowReadableKey: flags.allowReadableKey,
      pkcs11: defined({ module: flags.pkcs11Lib, certificate: flags.certificateSelector }),
    }),
    rolesAnywhere: defined({
      trustAnchorArn: flags.trustAnchorArn,
      profileArn: flags.profileArn,
      endpoint: flags.endpoint,
      caBundle: flags.caBundle,
    }),
    roles: [
      defined({
        roleArn: flags.roleArn,
        sessionDuration: flags.sessionDuration,
        roleSessionName: flags.roleSessionName,
        imds: defined({
          listen: `127.0.0.1:${flags.port ?? 9911}`,
          hopLimit: flags.hopLimit,
          region: flags.region,
        }),
      }),
    ],
    log: flags.debug ? { level: 'debug' } : undefined,
  });
}

function passphraseOf({ passphraseFile, passphraseEnvironment }: IdentityFlags): unknown {
  if (passphraseFile !== undefined) return { file: passphraseFile };
  return passphraseEnvironment === undefined ? undefined : { environment: passphraseEnvironment };
}

function defined(object: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
}

function regionProblems({ region, trustAnchorArn }: IdentityFlags): FormProblem[] {
  const actual = trustAnchorArn?.split(':')[3];
  if (region === undefined || actual === undefined || actual === region) return [];
  const what = `--region is ${region}, but the trust anchor is in ${actual}, and sessions come from its region`;
  return [{ path: ['roles', 0, 'imds', 'region'], error: configError('CONFIG_WRONG_VALUE', what) }];
}

/** Problems that only a whole command line shows, reported together with malformed values. */
function missingArns(flags: IdentityFlags): FormProblem[] {
  return (['trustAnchorArn', 'profileArn'] as const)
    .filter((key) => flags[key] === undefined)
    .map((key) => {
      return { path: ['roles', 0, key], error: configError('CONFIG_MISSING_KEY', `"${key}" is missing`) };
    });
}

const FLAGS: Readonly<Record<string, string>> = {
  'identity.certificate': '--certificate',
  'identity.privateKey': '--private-key',
  'identity.pkcs11.module': '--pkcs11-lib',
  'identity.pkcs11.certificate': '--cert-selector',
  'identity.pkcs11.certificate.subject': '--cert-selector',
  'identity.pkcs11.certificate.issuer': '--cert-selector',
  'identity.pkcs11.certificate.serial': '--cert-selector',
  'identity.intermediates': '--intermediates',
  'rolesAnywhere.trustAnchorArn': '--trust-anchor-arn',
  'rolesAnywhere.profileArn': '--profile-arn',
  'rolesAnywhere.endpoint': '--endpoint',
  'rolesAnywhere.caBundle': '--ca-bundle',
  'roles[0].trustAnchorArn': '--trust-anchor-arn',
  'roles[0].profileArn': '--profile-arn',
  'roles[0].roleArn': '--role-arn',
  'roles[0].sessionDuration': '--session-duration',
  'roles[0].roleSessionName': '--role-session-name',
  'roles[0].imds.listen': '--port',
  'roles[0].imds.hopLimit': '--hop-limit',
  'roles[0].imds.region': '--region',
};

function flagOf(key: string): string {
  return FLAGS[key] ?? key;
}
