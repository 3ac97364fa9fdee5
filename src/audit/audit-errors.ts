import { errorFactory } from '../foundation/errors.ts';

export const auditErrors = {
  AUDIT_CANNOT_OPEN:
    'Check the path at audit.file, and that the directory is there and the user the daemon runs as may write in it.',
  AUDIT_NOT_WRITTEN:
    'Make room on the disk, or mend what keeps the file from being written. Credentials are served all the same; a line audit.gap will say how many are missing.',
  AUDIT_NEEDS_RESTART: 'Restart the daemon, or undo the change of audit: the rest of the configuration is in use.',
} as const;

export const auditError = errorFactory(auditErrors);
