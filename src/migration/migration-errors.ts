import { errorFactory } from '../foundation/errors.ts';

export const migrationErrors = {
  MIGRATION_NOTHING:
    'Give the file that starts the helper: ~/.aws/config, a systemd unit, a script, a Dockerfile, or a manifest of Compose or Kubernetes.',
  MIGRATION_UNREADABLE: 'Check the path, that you can read the file, and that it is text in UTF-8.',
  MIGRATION_INCOMPLETE:
    'Check the lines named: each says what to do instead. The comments in the configuration repeat them.',
} as const;

export const migrationError = errorFactory(migrationErrors);
