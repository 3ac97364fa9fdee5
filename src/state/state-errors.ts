import { errorFactory } from '../foundation/errors.ts';

export const stateErrors = {
  STATE_UNREADABLE:
    'Let the user the daemon runs as read stateDirectory, and see whether its file system answers. Until then this start is like the first one.',
  STATE_FOREIGN:
    'Name a stateDirectory of its own that belongs to the user the daemon runs as; it makes one that is not there. What is not its own is never read.',
  STATE_EXPOSED:
    'Run `chmod 700` on the directory, or name a new one below it. A file that others could touch is not believed, and replaced at the next write.',
  STATE_DAMAGED: 'Nothing to do: the file is replaced at the next write. If it happens again, check the disk.',
  STATE_OTHER_VERSION: 'Nothing to do: the file is replaced at the next write. Another version of the daemon wrote it.',
  STATE_OTHER_KEY:
    'Nothing to do after the private key or stateKey was changed: what the old one sealed stays closed, and is replaced when the next session is granted.',
  STATE_FROM_FUTURE: 'Set the clock of this machine: what was kept is younger than it. It is looked at again then.',
  STATE_NOT_WRITTEN:
    'Make room, or let the user write there. Requests are served all the same, and it is tried again every minute; only a restart would be felt.',
  STATE_NO_SEALING_KEY:
    'Set stateKey to store sessions across restarts: the private key cannot be exported, so nothing can be sealed with it.',
  STATE_KEY_UNREADABLE: 'Check stateKey: the file, the systemd credential or the environment variable it names.',
  STATE_KEY_WEAK: 'Make a key that cannot be guessed: `openssl rand -base64 32`.',
} as const;

export const stateError = errorFactory(stateErrors);
