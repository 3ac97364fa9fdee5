import { errorFactory } from '../foundation/errors.ts';

export const sessionErrors = {
  SESSION_EXPIRED:
    'Fix the error whose code is in `because`. Without `because`, the clock was set forward or the process was suspended, and a new session is on its way. Requests get credentials again as soon as it is there.',
  SESSION_SHORT:
    'Set sessionDuration to 3600 or more, and let the profile allow it. With less than 25 minutes left, botocore fetches again and again or extends the expiry itself; so do Java and .NET with less than 15.',
} as const;

export const sessionError = errorFactory(sessionErrors);
