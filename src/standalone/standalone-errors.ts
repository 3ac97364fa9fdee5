import { errorFactory } from '../foundation/errors.ts';

/** Of the commands that work without a daemon. */
export const standaloneErrors = {
  CACHE_NOT_USED:
    'The session was asked for anew, and takes the place of what was not used. If it lasts, look at the file named, or do without by --no-cache.',
  CACHE_NOT_WRITTEN:
    'The session is good, and the next run asks for another one. Let this user write into $XDG_CACHE_HOME/imds-anywhere or ~/.cache/imds-anywhere, or do without by --no-cache.',
  SESSION_NOT_RENEWED: 'The session from before is used until it expires; mend what the message names before that.',
} as const;

export const standaloneError = errorFactory(standaloneErrors);
