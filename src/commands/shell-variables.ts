import { Command, Option } from 'commander';
import type { ClientTokenConfig, Config, ContainerConfig, RoleConfig } from '../config/config.ts';
import { containerVariables } from '../environment/endpoint-variables.ts';
import type { EndpointAddress } from '../environment/sdk-settings.ts';
import { environmentLines, type Shell, SHELLS } from '../environment/shell-lines.ts';
import { hostAndPort } from '../foundation/address.ts';
import { socketCommand } from '../foundation/daemon-socket.ts';
import { printable } from '../foundation/printable.ts';
import { writeAnswer, writeReport } from './answer.ts';
import { commandError } from './command-errors.ts';
import { roleNamed } from './configured-session.ts';

interface Flags {
  readonly config?: string;
  readonly role?: string;
  readonly client?: string;
  readonly shell: Shell;
  readonly check?: boolean;
}

export function envCommand(): Command {
  return new Command('env')
    .description('print the lines that point AWS SDKs and tools at the daemon, for eval or a file')
    .option('-c, --config <file>', 'configuration file (default: the default address of serve)')
    .option('--role <name>', 'role in the configuration (default: the only one)')
    .option('--client <name>', 'for this client of the container endpoint, instead of the IMDS endpoint')
    .addOption(new Option('--shell <shell>', 'for which shell').choices(SHELLS).default('sh'))
    .option(
      '--check',
      'report settings in this environment and its AWS files that keep SDKs from the endpoint; exit code 1 if there are any',
    )
    .action(async (flags: Flags) => {
      if (flags.check) {
        await checkCaller(await endpointOf(flags), flags.shell);
      } else
        await writeAnswer(
          [...environmentLines(await endpointOf(flags), flags.shell), ...(await socketLines(flags)), ''].join('\n'),
        );
    });
}

/**
 * The alternative with the daemon's socket. It needs a profile, because no variable can name a
 * socket.
 */
async function socketLines({ config: file, role, client }: Flags): Promise<readonly string[]> {
  if (file === undefined || client !== undefined) return [];
  const { loadConfig } = await import('../config/load-config.ts');
  const config = await loadConfig(file);
  if (!config.socket) return [];
  const command = socketCommand(config.socket.path, roleNamed(config, role).name);
  return [`# Or in a profile of ~/.aws/config: credential_process = ${command}`];
}

/** @throws CodedError ENV_IN_THE_WAY if there are findings. */
async function checkCaller(endpoint: EndpointAddress, shell: Shell): Promise<void> {
  const [{ checkEnvironment }, { readSharedFiles }, { reportLines }, { environmentError }] = await Promise.all([
    import('../environment/check-environment.ts'),
    import('../environment/shared-files.ts'),
    import('../environment/report.ts'),
    import('../environment/environment-errors.ts'),
  ]);
  const environment = process.env;
  const findings = checkEnvironment({ environment, files: await readSharedFiles(environment), endpoint });
  await writeReport(printable(`${reportLines(findings, endpoint, shell).join('\n')}\n`));
  const count = findings.length === 1 ? 'one setting keeps' : `${findings.length} settings keep`;
  if (findings.length > 0) throw environmentError('ENV_IN_THE_WAY', `${count} programs from ${endpoint.url}`);
}

async function endpointOf({ client, config: file, role }: Flags): Promise<EndpointAddress> {
  if (file === undefined) {
    if (client === undefined) return { url: 'http://127.0.0.1:9911', region: undefined };
    throw commandError('CLIENT_NOT_CONFIGURED', 'no configuration is given for the client');
  }
  const { loadConfig } = await import('../config/load-config.ts');
  const config = await loadConfig(file);
  if (client === undefined) return imdsEndpoint(config, roleNamed(config, role));
  const token = config.container?.tokens.find((one) => one.client === client);
  if (!config.container || !token) throw commandError('CLIENT_NOT_CONFIGURED', `${file} has no client ${client}`);
  return clientEndpoint(config.container, token, roleOf(token, role));
}

function roleOf({ client, roles }: ClientTokenConfig, named: string | undefined): string {
  const [role, ...others] = roles.filter((one) => named === undefined || one === named);
  if (role !== undefined && others.length === 0) return role;
  throw commandError('ROLE_NOT_CONFIGURED', `client ${client} has the roles ${roles.join(', ')}`);
}

/** The first endpoint for programs. */
export function anyEndpoint(config: Config): EndpointAddress | undefined {
  const role = config.roles.find(({ imds }) => imds);
  if (role) return imdsEndpoint(config, role);
  const [token] = config.container?.tokens ?? [];
  return config.container && token && clientEndpoint(config.container, token, token.roles[0] ?? '');
}

function imdsEndpoint({ container }: Config, { name, imds }: RoleConfig): EndpointAddress {
  if (!imds) throw commandError('ROLE_WITHOUT_IMDS', `role ${name} has no IMDS endpoint`);
  return {
    url: `http://${hostAndPort(imds)}`,
    region: imds.region,
    container: container && `http://${hostAndPort(container)}`,
  };
}

function clientEndpoint(address: ContainerConfig, { file }: ClientTokenConfig, role: string): EndpointAddress {
  const container = `http://${hostAndPort(address)}`;
  const client = containerVariables(container, role, file);
  return { url: client.AWS_CONTAINER_CREDENTIALS_FULL_URI, region: undefined, container, client };
}
