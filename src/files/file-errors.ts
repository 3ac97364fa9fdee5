import { errorFactory } from '../foundation/errors.ts';

export const fileErrors = {
  FILE_WRITABLE_BY_OTHERS:
    'Run `chmod o-w` on the path named. For a shared directory, `chmod +t` also helps: then each user can replace only their own files.',
  FILE_WRITABLE_BY_GROUP:
    'Run `chmod g-w` on the path named, unless every member of the group is trusted to control the daemon.',
  FILE_OWNED_BY_OTHER:
    'Run `chown root` on the path named, run the daemon as its owner, or name a path that only root and the daemon can change.',
  FILE_LINK_UNTRUSTED:
    'Name the target of the link in the configuration, or move the file to a directory that only root and the daemon can change.',
  FILE_MISSING:
    'Check the path. If the file is being replaced right now, the daemon reads it again automatically; run a command again.',
  FILE_UNREADABLE:
    'Let the user of the daemon read the file and enter the directories above it. For a private key: `chown root:GROUP` and `chmod 640`, with a group of that user.',
  FILE_NOT_REGULAR: 'Name a regular file: a pipe or directory cannot be read again when it changes.',
  FILE_EMPTY:
    'Write the file again. If it is being replaced right now, the daemon reads it again automatically; run a command again.',
  FILE_TOO_LARGE:
    'Name the right file: one that contains only a certificate, chain, key or passphrase takes a few kilobytes.',
  FILES_SLOW: 'Check that the file system of these files responds; a network share may be unavailable.',
  FILE_WATCH_DENIED:
    'Let the user of the daemon read the files and enter their directories. Until then they are checked every 30 s.',
  FILE_WATCH_UNAVAILABLE:
    'Nothing to do. To have changes noticed within a second, raise fs.inotify.max_user_instances or max_user_watches.',
} as const;

export const fileError = errorFactory(fileErrors);
