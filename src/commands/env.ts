import { Command, Option } from 'commander';
import type { ClientTokenConfig, Config, ContainerConfig, RoleConfig } from '../config/config.ts';
import { containerVariables } from '../environment/door-variables.ts';
import type { DoorAddress } from '../environment/finding.ts';
import { commandError } from './command-errors.ts';
import { roleNamed } from './credential-process.ts';
import { SHELLS, environmentLines, type Shell } from './environment.ts';

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
    .option('-c, --config <file>', 'configuration file (default: the address that serve has without one)')
    .option('--role <name>', 'which of its roles (default: the only one)')
    .option('--client <name>', 'for this client of the container door, instead of the IMDS door')
    .addOption(new Option('--shell <shell>', 'for which shell').choices(SHELLS).default('sh'))
    .option(
      '--check',
      'print instead what in this environment and its AWS files gets in the way; code 1 if anything does',
    )
    .action(async (flags: Flags) => {
      if (flags.check) {
        const { checkCaller } = await import('./env-check.ts');
        await checkCaller(await doorOf(flags), flags.shell);
      } else process.stdout.write(`${environmentLines(await doorOf(flags), flags.shell).join('\n')}\n`);
    });
}

async function doorOf({ client, config: file, role }: Flags): Promise<DoorAddress> {
  if (file === undefined) {
    if (client === undefined) return { url: 'http://127.0.0.1:9911', region: undefined };
    throw commandError('CLIENT_NOT_CONFIGURED', 'which configuration has the client is not said');
  }
  const { loadConfig } = await import('../config/load-config.ts');
  const config = await loadConfig(file);
  if (client === undefined) return imdsDoor(config, roleNamed(config, role));
  const token = config.container?.tokens.find((one) => one.client === client);
  if (!config.container || !token) throw commandError('CLIENT_NOT_CONFIGURED', `${file} has no client ${client}`);
  return clientDoor(config.container, token, roleOf(token, role));
}

function roleOf({ client, roles }: ClientTokenConfig, named: string | undefined): string {
  const [role, ...others] = roles.filter((one) => named === undefined || one === named);
  if (role !== undefined && others.length === 0) return role;
  throw commandError('ROLE_NOT_CONFIGURED', `client ${client} has the roles ${roles.join(', ')}`);
}

/** The first door that programs can be pointed at. */
export function anyDoor(config: Config): DoorAddress | undefined {
  const role = config.roles.find(({ imds }) => imds);
  if (role) return imdsDoor(config, role);
  const [token] = config.container?.tokens ?? [];
  return config.container && token && clientDoor(config.container, token, token.roles[0] ?? '');
}

function imdsDoor({ container }: Config, { name, imds }: RoleConfig): DoorAddress {
  if (!imds) throw commandError('ROLE_WITHOUT_IMDS', `role ${name} has no IMDS door`);
  return { url: urlOf(imds), region: imds.region, container: container && urlOf(container) };
}

function clientDoor(address: ContainerConfig, { file }: ClientTokenConfig, role: string): DoorAddress {
  const container = urlOf(address);
  const client = containerVariables(container, role, file);
  return { url: client.AWS_CONTAINER_CREDENTIALS_FULL_URI, region: undefined, container, client };
}

function urlOf({ host, port }: { readonly host: string; readonly port: number }): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}
