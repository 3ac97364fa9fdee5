// Whether the user of the daemon can write what the daemon writes.

import { realpath } from 'node:fs/promises';
import path from 'node:path';
import type { Config, IdentityConfig } from '../config/config.ts';
import { configError } from '../config/config-errors.ts';
import type { ConfigFinding, KeyPath } from '../foundation/config-finding.ts';
import { pairFiles } from '../identity/next-key.ts';
import { type DirectoryUse, type FileUser, whyUnappendable, whyUnwritable } from '../platform/file-access.ts';

/** A user, as messages name it. */
export type NamedUser = FileUser & { readonly name: string };

interface WrittenPlace {
  readonly path: KeyPath;
  /** A directory, or with `appends` a file. */
  readonly at: string;
  readonly use: DirectoryUse | 'appends';
}

/** Sockets and tokens are created in their directory. */
export function writtenPlaces({ state, audit, socket, admin, container }: Config): WrittenPlace[] {
  return [
    ...placed(['stateDirectory'], state?.directory, { makes: true, owns: true }),
    ...placed(['audit', 'file'], audit?.to === 'file' ? audit.path : undefined, 'appends'),
    ...placed(['socket', 'path'], directoryOf(socket?.path), { makes: true }),
    ...placed(['admin', 'socket'], directoryOf(admin?.socket), {}),
    ...(container?.tokens ?? []).flatMap(({ file }, index) =>
      placed(['container', 'tokens', index, 'file'], path.dirname(file), {}),
    ),
  ];
}

/** Where a renewal replaces certificate and key: links to them are followed. */
export async function renewedPlaces(identity: IdentityConfig): Promise<WrittenPlace[]> {
  const { certificate, renew } = identity;
  if (!renew || typeof certificate !== 'string') return [];
  const key = pairFiles(identity)?.privateKey;
  const files = await Promise.all(
    [certificate, ...(key === undefined ? [] : [key])].map((file) => realpath(file).catch(() => file)),
  );
  return files.flatMap((file) => placed(['identity', 'renew'], path.dirname(file), {}));
}

/** @param made - directories that systemd makes for the user. */
export async function unwritablePlaces(
  places: readonly WrittenPlace[],
  user: NamedUser,
  { made, severity }: { readonly made: readonly string[]; readonly severity: ConfigFinding['severity'] },
): Promise<readonly ConfigFinding[]> {
  const found = new Map<string, ConfigFinding>();
  for (const { path: keys, at, use } of places) {
    if (found.has(at) || made.some((directory) => at === directory || at.startsWith(`${directory}/`))) continue;
    const why = use === 'appends' ? await whyUnappendable(at, user) : await whyUnwritable(at, user, use);
    if (why === undefined) continue;
    const error = configError('SERVICE_CANNOT_WRITE', `${user.name} cannot write ${at}: ${why}`);
    found.set(at, { severity, path: keys, error });
  }
  return [...found.values()];
}

function directoryOf(file: string | undefined): string | undefined {
  return file === undefined ? undefined : path.dirname(file);
}

function placed(keys: KeyPath, at: string | undefined, use: WrittenPlace['use']): WrittenPlace[] {
  return at === undefined ? [] : [{ path: keys, at, use }];
}
