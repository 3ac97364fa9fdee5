import { errorFactory } from '../foundation/errors.ts';

export const platformErrors = {
  HOP_LIMIT_UNSET:
    'Install the optional package koffi (npm leaves it out with --omit=optional), or let a systemd socket unit listen, with IPTTL=.',
  SERVICE_MANAGER_BY_PROGRAM:
    'Install the optional package koffi; without it the unit needs NotifyAccess=all, as another process speaks for the daemon.',
  SERVICE_MANAGER_UNREACHED:
    'Requests are served all the same. Check that the socket in NOTIFY_SOCKET is there and that the sandbox permits AF_UNIX.',
  MEMORY_READABLE:
    'Install the optional package koffi, or run nothing else as this user. Set LimitCORE=0 in the unit (`ulimit -c 0`) against core files.',
} as const;

export const platformError = errorFactory(platformErrors);
