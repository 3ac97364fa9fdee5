import { homedir } from 'node:os';
import type { Environment } from './process-environment.ts';

/**
 * The user's own directory. Numeric users of containers have neither HOME nor an entry in passwd: they are at `/`, as container engines
 * have it.
 *
 * @param inPasswd - throws where there is none, as os.homedir() does.
 */
export function homeDirectory({ HOME }: Environment, inPasswd: () => string = homedir): string {
  if (HOME) return HOME;
  try {
    return inPasswd();
  } catch {
    return '/';
  }
}
