import { errorFactory } from '../foundation/errors.ts';

export const platformErrors = {
  HOP_LIMIT_UNSET:
    'Install the optional package koffi (npm skips it with --omit=optional), or use a systemd socket unit with IPTTL=.',
  SERVICE_MANAGER_BY_PROGRAM:
    'Install the optional package koffi. Without it, set NotifyAccess=all in the unit, because another process notifies systemd.',
  SERVICE_MANAGER_UNREACHED:
    'Check that the socket in NOTIFY_SOCKET exists and that the sandbox permits AF_UNIX. Requests are still served.',
  MEMORY_READABLE:
    'Install the optional package koffi, or run no other programs as this user. Set LimitCORE=0 in the unit (`ulimit -c 0`) to prevent core files.',
} as const;

export const platformError = errorFactory(platformErrors);
