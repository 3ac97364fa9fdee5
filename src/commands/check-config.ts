import { Command } from 'commander';
import type { Config } from '../config/config.ts';
import { isoSeconds, systemClock } from '../foundation/clock.ts';
import type { CodedError } from '../foundation/errors.ts';
import { anyDoor } from './env.ts';

export function checkConfigCommand(): Command {
  return new Command('check-config')
    .description('check a configuration file, and the certificate and key it names, without starting anything')
    .argument('<file>', 'configuration file')
    .action(async (file: string) => {
      const { loadConfig } = await import('../config/load-config.ts');
      await checkConfig(file, await loadConfig(file));
    });
}

async function checkConfig(file: string, config: Config): Promise<void> {
  const { loadIdentity } = await import('../identity/load-identity.ts');
  const { sessionsUrl } = await import('../rolesanywhere/endpoint.ts');
  const { checkedTrustAnchor } = await import('../rolesanywhere/role-target.ts');
  const { identity, warnings } = await loadIdentity(config.identity, {
    now: systemClock.now(),
    environment: process.env,
  });
  const lines = [
    `${file} is good`,
    `  certificate  ${identity.subject}`,
    `  issued by    ${identity.issuer}`,
    `  valid until  ${isoSeconds(identity.notAfter)}, ${identity.chain.length} intermediate(s), ${identity.algorithm}`,
    ...config.roles.flatMap((role) => [
      `  role ${role.name}`,
      `    ${role.roleArn}`,
      `    sessions of ${role.sessionDuration} s from ${sessionsUrl(config.rolesAnywhere, checkedTrustAnchor(role)).origin}`,
      `    served on ${role.imds ? `http://${role.imds.host}:${role.imds.port}` : 'no IMDS door'}`,
    ]),
    ...warnings.map(warningLine),
    ...(await callerLines(config)),
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
}

function warningLine({ code, message, remedy }: CodedError): string {
  return `  warning ${code}: ${message}\n    ${remedy}`;
}

/** What would stay in the way in this environment, even after `eval "$(imds-anywhere env …)"`. */
async function callerLines(config: Config): Promise<string[]> {
  const door = anyDoor(config);
  if (!door) return [];
  const [{ checkEnvironment }, { afterEnv }, { readSharedFiles }] = await Promise.all([
    import('../environment/check-environment.ts'),
    import('../environment/door-variables.ts'),
    import('../environment/shared-files.ts'),
  ]);
  const environment = afterEnv(process.env, door);
  // The daemon need not run yet: a token that it has still to write is in nobody's way.
  const findings = checkEnvironment({ environment, files: await readSharedFiles(process.env), door });
  if (findings.length === 0) return [];
  return [
    '  in the way of programs that are started from here, says `imds-anywhere env --check`:',
    ...findings.map(({ code, what }) => `    ${code}: ${what}`),
  ];
}
