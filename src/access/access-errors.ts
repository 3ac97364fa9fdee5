import { errorFactory } from '../foundation/errors.ts';

export const accessErrors = {
  ACCESS_DENIED: 'If this user needs the role, add the user or one of its groups to allow of the role.',
  ACCESS_CANNOT_BE_CHECKED:
    'Remove allow, or make users of connections visible: run on Linux, outside a user namespace that hides them (systemd: PrivateUsers=no), and for Unix sockets install koffi.',
  ACCESS_LOOKUP_FAILED:
    'Check the directory service with `getent group NAME` on this host. Until then the last known answer is used, with a lookup every 5 seconds. A user in allow by number needs no lookup.',
  ACCESS_NAME_UNKNOWN:
    'Correct the name, or create the user or group. Until then it allows no user; it is looked up every 5 seconds.',
} as const;

export const accessError = errorFactory(accessErrors);
