import { errorFactory } from '../foundation/errors.ts';

export const accessErrors = {
  ACCESS_DENIED: 'If this user is meant to have the role, add it, or a group it is in, to allow of the role.',
  ACCESS_CANNOT_BE_CHECKED:
    'Users of connections are known on Linux only, outside a user namespace that hides them (systemd: PrivateUsers=no), and over Unix sockets only where koffi is installed. Take allow away, or mend that.',
  ACCESS_LOOKUP_FAILED:
    'Check the directory service: run `getent group NAME` on this host. The last known answer counts until then; it is looked up again every 5 seconds. A user that allow names by number needs no lookup.',
  ACCESS_NAME_UNKNOWN:
    'Correct the name, or create the user or group: nobody has the role by it until then. It is looked up again every 5 seconds.',
} as const;

export const accessError = errorFactory(accessErrors);
