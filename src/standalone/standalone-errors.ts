import { errorFactory } from '../foundation/errors.ts';

/** Errors of commands that work without a daemon. */
export const standaloneErrors = {
  CACHE_NOT_USED:
    'Nothing to do: a new session replaces the stored one. If this persists, check the file named, or use --no-cache.',
  CACHE_NOT_WRITTEN:
    'Let this user write to $XDG_CACHE_HOME/imds-anywhere or ~/.cache/imds-anywhere, or use --no-cache. The session is usable, but the next run gets another one.',
  PROGRAM_NOT_FOUND: 'Check the name of the program after `--`, and PATH. The exit code is 127, as in a shell.',
  PROGRAM_NOT_STARTED:
    'Name a file that this user may execute, such as `sh SCRIPT` for a script. The exit code is 126, as in a shell.',
  PROGRAM_KEYS_EXPIRED:
    'Run the program without `--env`, so that its SDK gets new keys, or request longer sessions with sessionDuration.',
  SESSION_NOT_RENEWED: 'Fix the error in the message before the current session expires. It is used until then.',
} as const;

export const standaloneError = errorFactory(standaloneErrors);
