import { errorFactory } from '../foundation/errors.ts';

export const daemonErrors = {
  SOCKET_NEEDS_RESTART:
    'Restart the daemon: without the optional package koffi it can use a socket from systemd only once.',
  SOCKET_UNUSED:
    'Set FileDescriptorName= in the socket unit to the name of a role, or disable the unit: its clients get no answer.',
  STATE_NEEDS_RESTART:
    'Restart the daemon, or undo the change of stateDirectory or stateKey. The rest of the configuration is in use.',
  ADMIN_NEEDS_RESTART: 'Restart the daemon, or undo the change of admin. The rest of the configuration is in use.',
} as const;

export const daemonError = errorFactory(daemonErrors, 'transient');
