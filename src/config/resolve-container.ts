import path from 'node:path';
import type { KeyPath } from '../foundation/config-finding.ts';
import type { FormProblem } from './check-form.ts';
import { configError } from './config-errors.ts';
import type { ClientTokenConfig, Config, RoleConfig } from './config.ts';
import { isLoopback } from '../foundation/address.ts';
import { repeated } from './repeated.ts';
import type { WrittenConfig } from './schema.ts';

type WrittenContainer = NonNullable<WrittenConfig['container']>;
type WrittenToken = WrittenContainer['tokens'][number];

const DEFAULT_LISTEN = { host: '127.0.0.1', port: 9_913 };

/** Where containers of ECS and EKS ask; SDKs take these without TLS, as they do loopback. */
const CONTAINER_ADDRESSES = ['169.254.170.2', '169.254.170.23', 'fd00:ec2::23'];

export function resolveContainer({ container }: WrittenConfig, directory: string): Pick<Config, 'container'> {
  if (!container) return {};
  const { listen = DEFAULT_LISTEN, allowedHosts = [], tokens } = container;
  return { container: { ...listen, allowedHosts, tokens: tokens.map((token) => resolveToken(token, directory)) } };
}

function resolveToken(
  { client, roles, file, owner, group, rotate }: WrittenToken,
  directory: string,
): ClientTokenConfig {
  return {
    client,
    roles,
    file: path.resolve(directory, file),
    ...(owner !== undefined && { owner }),
    ...(group !== undefined && { group }),
    ...(rotate !== undefined && { rotate }),
  };
}

export function containerProblems({ container }: WrittenConfig, roles: readonly RoleConfig[]): FormProblem[] {
  if (!container) return [];
  return [...addressProblems(container), ...tokenProblems(container.tokens, roles)];
}

function addressProblems({ listen: { host } = DEFAULT_LISTEN, allowNonLoopback }: WrittenContainer): FormProblem[] {
  const at = ['container', 'listen'];
  const isLocal = isLoopback(host) || CONTAINER_ADDRESSES.includes(host.toLowerCase());
  const open = configError(
    'CONFIG_NOT_LOOPBACK',
    `${host} is not a loopback address: tokens and keys would cross a network`,
  );
  return isLocal || allowNonLoopback ? [] : [{ path: at, about: [['container', 'allowNonLoopback']], error: open }];
}

function tokenProblems(tokens: readonly WrittenToken[], roles: readonly RoleConfig[]): FormProblem[] {
  const at = (index: number, ...keys: (string | number)[]): KeyPath => ['container', 'tokens', index, ...keys];
  const again = (key: 'client' | 'file'): FormProblem[] =>
    repeated(tokens.map((token) => token[key])).map((index) => ({
      path: at(index, key),
      error: configError('CONFIG_DUPLICATE_NAME', `another client has the ${key} ${tokens[index]?.[key] ?? ''}`),
    }));
  const unknown = tokens.flatMap((token, index) =>
    token.roles.flatMap((name, position) =>
      roles.some((role) => role.name === name)
        ? []
        : [
            {
              path: at(index, 'roles', position),
              about: [
                ['roles', '*', 'name'],
                ['roles', '*', 'roleArn'],
              ],
              error: configError('CONFIG_UNKNOWN_ROLE', `no role has the name ${name}`),
            },
          ],
    ),
  );
  return [...again('client'), ...again('file'), ...unknown];
}

/** A role without an endpoint of its own needs a client or a socket. */
export function unservedProblems({ container, socket }: WrittenConfig, roles: readonly RoleConfig[]): FormProblem[] {
  if (socket) return [];
  const given = new Set(container?.tokens.flatMap((token) => token.roles));
  return roles.flatMap(({ name, imds }, index) =>
    imds || given.has(name)
      ? []
      : [
          {
            path: ['roles', index, 'imds'],
            about: [['container'], ['socket']],
            error: configError('CONFIG_ROLE_NOT_SERVED', `no endpoint serves role ${name}`),
          },
        ],
  );
}
