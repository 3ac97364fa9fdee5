import path from 'node:path';
import type { Config } from './config.ts';
import type { WrittenConfig } from './schema.ts';

export function resolveAudit({ audit }: WrittenConfig, directory: string): Pick<Config, 'audit'> {
  if (audit === undefined) return {};
  return { audit: audit === 'stderr' ? { to: 'stderr' } : { to: 'file', path: path.resolve(directory, audit.file) } };
}
