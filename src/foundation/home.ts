import { homedir } from 'node:os';
import type { Environment } from './process-environment.ts';

/**
 * The user's home directory. A numeric user in a container has no HOME and no passwd entry.
 * Container engines use `/` then, and so does this.
 *
 * @param inPasswd - throws without an entry, like os.homedir().
 */
export function homeDirectory({ HOME }: Environment, inPasswd: () => string = homedir): string {
  if (HOME) return HOME;
  try {
    return inPasswd();
  } catch {
    return '/';
  }
}
