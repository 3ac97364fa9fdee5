import { errorFactory } from '../foundation/errors.ts';

export const adminErrors = {
  ADMIN_CANNOT_LISTEN:
    'Give admin.listen an address of this host that is free (`ss -ltnp` shows who has it), or admin.socket a path in a directory where this user may write.',
} as const;

export const adminError = errorFactory(adminErrors);
