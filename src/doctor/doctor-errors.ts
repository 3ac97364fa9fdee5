import { errorFactory } from '../foundation/errors.ts';

export const doctorErrors = {
  DOCTOR_ROLE_UNKNOWN: 'Set --role to one of the roles of the configuration.',
  DOCTOR_USER_UNKNOWN: 'Set --user to the user of the daemon: User= of its unit, or the owner of its process.',
} as const;

export const doctorError = errorFactory(doctorErrors, 'usage');
