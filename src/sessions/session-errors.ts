import { errorFactory } from '../foundation/errors.ts';

export const sessionErrors = {
  SESSION_EXPIRED:
    'Mend what `because` in the line names: it is the code of why no new session could be had. Without it the clock was set forward or the process stood still, and a new session is on its way. Requests are answered again as soon as there is one.',
  SESSION_SHORT:
    'Ask for sessionDuration: 3600 or more, and let the profile allow it: with less left than 25 minutes botocore, and with less than 15 Java and .NET, fetch again and again or stretch the expiry on their own.',
} as const;

export const sessionError = errorFactory(sessionErrors);
