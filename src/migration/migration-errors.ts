import { errorFactory } from '../foundation/errors.ts';

export const migrationErrors = {
  MIGRATION_NOTHING:
    'Name the file that starts the helper: ~/.aws/config, a systemd unit, a script, a Dockerfile, or a manifest of Compose or Kubernetes.',
  MIGRATION_UNREADABLE: 'Check the path, and that you may read the file.',
  MIGRATION_INCOMPLETE:
    'Go through the lines named: each says what to do instead. They stand in the comments of the configuration, too.',
} as const;

export const migrationError = errorFactory(migrationErrors);
