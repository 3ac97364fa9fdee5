import path from 'node:path';
import type { FormProblem } from './check-form.ts';
import { configError } from './config-errors.ts';
import type { Config } from './config.ts';
import type { WrittenConfig } from './schema.ts';
import { secretSource } from './secret-source.ts';

export function resolveState({ stateDirectory, stateKey }: WrittenConfig, directory: string): Pick<Config, 'state'> {
  if (stateDirectory === undefined) return {};
  const key = stateKey && { key: stateKey === 'tpm' ? ({ from: 'tpm' } as const) : secretSource(stateKey, directory) };
  return { state: { directory: path.resolve(directory, stateDirectory), ...key } };
}

export function stateProblems({ stateDirectory, stateKey }: WrittenConfig): FormProblem[] {
  if (!stateKey || stateDirectory !== undefined) return [];
  const what = '"stateKey" needs "stateDirectory", which is not set';
  return [{ path: ['stateKey'], error: configError('CONFIG_WRONG_VALUE', what) }];
}
