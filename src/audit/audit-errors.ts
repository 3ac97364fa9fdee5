import { errorFactory } from '../foundation/errors.ts';

export const auditErrors = {
  AUDIT_CANNOT_OPEN:
    'Check the path in audit.file. Its directory must exist, and the user of the daemon must be able to write there.',
  AUDIT_NOT_WRITTEN:
    'Free disk space, or fix the error that prevents writing. Credentials are still served, and a line audit.gap will count the missing lines.',
  AUDIT_NEEDS_RESTART: 'Restart the daemon, or undo the change of audit. The rest of the configuration is in use.',
} as const;

export const auditError = errorFactory(auditErrors);
