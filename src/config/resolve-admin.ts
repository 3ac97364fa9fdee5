import path from 'node:path';
import type { FormProblem } from './check-form.ts';
import { configError } from './config-errors.ts';
import type { Config } from './config.ts';
import { isLoopback } from '../foundation/address.ts';
import type { WrittenConfig } from './schema.ts';

export function resolveAdmin({ admin }: WrittenConfig, directory: string): Pick<Config, 'admin'> {
  if (!admin) return {};
  const { listen, socket, allowedHosts = [] } = admin;
  return {
    admin: {
      ...(listen && { listen }),
      ...(socket !== undefined && { socket: path.resolve(directory, socket) }),
      allowedHosts,
    },
  };
}

export function adminProblems({ admin }: WrittenConfig): FormProblem[] {
  if (!admin) return [];
  const { listen, socket, allowNonLoopback } = admin;
  if (!listen && socket === undefined)
    return [{ path: ['admin'], error: configError('CONFIG_MISSING_KEY', '"admin" needs "listen", "socket" or both') }];
  if (!listen || allowNonLoopback || isLoopback(listen.host)) return [];
  const what = `${listen.host} is not a loopback address: every host that reaches it can read status and metrics`;
  return [{ path: ['admin', 'listen'], error: configError('CONFIG_NOT_LOOPBACK', what) }];
}
