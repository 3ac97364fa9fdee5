import { errorFactory } from '../foundation/errors.ts';

export const daemonErrors = {
  ENDPOINT_SOCKET_NOT_LOOPBACK:
    'Set ListenStream=127.0.0.1:9911 in the socket unit, or set imds.listen to its address with allowNonLoopback. Other hosts can reach the unit.',
  SOCKET_NEEDS_RESTART:
    'Restart the daemon: without the optional package koffi it can use a socket from systemd only once.',
  SOCKET_UNUSED:
    'Set FileDescriptorName= in the socket unit to the name of a role, or disable the unit: its clients get no answer.',
  STATE_NEEDS_RESTART:
    'Restart the daemon, or undo the change of stateDirectory or stateKey. The rest of the configuration is in use.',
  ADMIN_NEEDS_RESTART: 'Restart the daemon, or undo the change of admin. The rest of the configuration is in use.',
} as const;

export const daemonError = errorFactory(daemonErrors, 'transient');
