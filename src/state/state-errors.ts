import { errorFactory } from '../foundation/errors.ts';

export const stateErrors = {
  STATE_UNREADABLE:
    'Let the user of the daemon read stateDirectory, and check that its file system responds. Until then the daemon starts without stored state.',
  STATE_FOREIGN:
    'Set stateDirectory to a separate directory of the user of the daemon, which creates it if missing. Files of other users are never read.',
  STATE_EXPOSED:
    'Run `chmod 700` on the directory, or use a new one below it. A file that other users can access is ignored, and replaced at the next write.',
  STATE_DAMAGED: 'Nothing to do: the file is replaced at the next write. If it happens again, check the disk.',
  STATE_OTHER_VERSION: 'Nothing to do: the file is replaced at the next write. Another version of the daemon wrote it.',
  STATE_OTHER_KEY:
    'Nothing to do after a change of the private key or stateKey: the stored session is ignored, and replaced when the next one is granted.',
  STATE_FROM_FUTURE:
    'Set the clock of this machine: the stored state is from a later time. It is read again after that.',
  STATE_NOT_WRITTEN:
    'Free disk space, or let the user write there. Requests are still served, with a retry every minute. Only a restart would lose sessions.',
  STATE_NO_SEALING_KEY:
    'Set stateKey to store sessions across restarts: the private key cannot be exported, so nothing can be sealed with it.',
  STATE_KEY_UNREADABLE:
    'Check stateKey: the file, the systemd credential, the environment variable or the TPM it names. Until then sessions are not stored.',
  STATE_KEY_WEAK: 'Generate a random key with `openssl rand -base64 32`.',
} as const;

export const stateError = errorFactory(stateErrors);
