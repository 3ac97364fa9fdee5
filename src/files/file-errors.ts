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
  FILE_WATCH_DENIED:
    'Let the user of the daemon read the files and enter their directories. Until then they are checked every 30 s.',
  FILE_WATCH_UNAVAILABLE:
    'Nothing to do. To have changes noticed within a second, raise fs.inotify.max_user_instances or max_user_watches.',
} as const;

export const fileError = errorFactory(fileErrors);
