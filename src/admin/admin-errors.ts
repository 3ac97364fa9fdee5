import { errorFactory } from '../foundation/errors.ts';

export const adminErrors = {
  ADMIN_CANNOT_LISTEN:
    'Give admin.listen an address of this host that is free (`ss -ltnp` shows who has it), or admin.socket a path in a directory where this user may write.',
  ADMIN_REQUEST_REFUSED:
    'If this client is meant to see status and metrics, add the name it uses to admin.allowedHosts. If not, a web page may be trying DNS rebinding.',
} as const;

export const adminError = errorFactory(adminErrors);
