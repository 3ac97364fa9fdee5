import path from 'node:path';
import type { PassphraseSource } from './config.ts';
import type { WrittenSecretSource } from './schema.ts';

export function secretSource(written: WrittenSecretSource, directory: string): PassphraseSource {
  if ('file' in written) return { from: 'file', path: path.resolve(directory, written.file) };
  if ('credential' in written) return { from: 'credential', name: written.credential };
  return { from: 'environment', variable: written.environment };
}
