import { errorFactory } from '../foundation/errors.ts';

export const daemonErrors = {
  ENDPOINT_SOCKET_NOT_LOOPBACK:
    'The socket unit listens where other hosts may come from: give it ListenStream=127.0.0.1:9911, or name its address in imds.listen with allowNonLoopback.',
  SOCKET_NEEDS_RESTART:
    'Restart the daemon: without the optional package koffi a socket from systemd can be listened on only once.',
  SOCKET_UNUSED:
    'Give the socket unit the name of a role in FileDescriptorName=, or disable it: its clients wait in vain.',
  STATE_NEEDS_RESTART:
    'Restart the daemon, or undo the change of stateDirectory or stateKey: the rest of the configuration is in use.',
  ADMIN_NEEDS_RESTART: 'Restart the daemon, or undo the change of admin: the rest of the configuration is in use.',
} as const;

export const daemonError = errorFactory(daemonErrors, 'transient');
