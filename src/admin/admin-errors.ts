import { errorFactory } from '../foundation/errors.ts';

export const adminErrors = {
  ADMIN_CANNOT_LISTEN:
    'Set admin.listen to a free address of this host (`ss -ltnp` names the process that has it), or admin.socket to a path in a directory that this user can write.',
} as const;

export const adminError = errorFactory(adminErrors);
