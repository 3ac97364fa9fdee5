import { keyText } from '../foundation/config-finding.ts';
import type { Config } from './config.ts';
import { ConfigInvalid } from './config-errors.ts';
import { readConfigFile } from './config-file.ts';
import { examineConfig } from './examined-config.ts';

/**
 * Reads a configuration file. Relative paths are relative to its directory.
 *
 * @throws CodedError CONFIG_UNREADABLE or CONFIG_NOT_YAML; ConfigInvalid with every problem and its
 * place, also if other users could change the file.
 */
export async function loadConfig(name: string): Promise<Config> {
  const file = await readConfigFile(name);
  const { config, problems } = examineConfig(file.content, file.directory);
  const dangers = file.findings.filter(({ severity }) => severity === 'error');
  if (config && dangers.length === 0) return config;
  throw new ConfigInvalid(
    name,
    [...dangers, ...problems].map(({ path, error }) => ({ key: keyText(path), place: file.placeOf(path), error })),
  );
}
