import { errorFactory } from '../foundation/errors.ts';

export const daemonErrors = {
  DOOR_ADDRESS_IN_USE:
    'Another process listens there (`ss -ltnp` names it): stop it, or give this role another address with imds.listen or --port.',
  DOOR_CANNOT_LISTEN: 'Check that the address belongs to this host and that the user may listen on the port.',
  STATE_NEEDS_RESTART:
    'Restart the daemon, or undo the change of stateDirectory or stateKey: the rest of the configuration is in use.',
  ADMIN_NEEDS_RESTART: 'Restart the daemon, or undo the change of admin: the rest of the configuration is in use.',
} as const;

export const daemonError = errorFactory(daemonErrors);
