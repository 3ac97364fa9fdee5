import { homedir } from 'node:os';

/**
 * The user's own directory. Numeric users of containers have neither HOME nor an entry in passwd: they are at `/`, as container engines
 * have it.
 *
 * @param inPasswd - throws where there is none, as os.homedir() does.
 */
export function homeDirectory(
  { HOME }: Readonly<Record<string, string | undefined>>,
  inPasswd: () => string = homedir,
): string {
  if (HOME) return HOME;
  try {
    return inPasswd();
  } catch {
    return '/';
  }
}
