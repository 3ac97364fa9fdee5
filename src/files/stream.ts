import { constants, createReadStream, fstatSync, type Stats } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';

// A file that can be read only once: a pipe, or an open descriptor of this process by its Linux
// name (`/dev/stdin`, `<(command)` of a shell). For commands that read each file once; the daemon
// reads files again when they change.

export interface Stream {
  readonly stats: Stats;
  /** Until the end. Waits for a writer of a pipe. */
  readonly read: () => Promise<Buffer>;
}

/** Undefined: it is a regular file, or does not exist. */
export async function streamAt(path: string): Promise<Stream | undefined> {
  const descriptor = ownDescriptor(path);
  if (descriptor !== undefined) return { stats: fstatSync(descriptor), read: () => readDescriptor(descriptor) };
  const stats = await stat(path).catch(() => undefined);
  return stats?.isFIFO() ? { stats, read: () => readPipe(path) } : undefined;
}

const DESCRIPTOR = /^\/(?:dev|proc\/self)\/(?:fd\/(?<number>\d+)|(?<stdin>stdin))$/;

function ownDescriptor(path: string): number | undefined {
  const groups = DESCRIPTOR.exec(path)?.groups;
  return groups && Number(groups['number'] ?? 0);
}

/** Node handles every kind of standard input: a socket cannot be read as a file. */
function readDescriptor(fd: number): Promise<Buffer> {
  return buffer(fd === 0 ? process.stdin : createReadStream('', { fd, autoClose: false }));
}

async function readPipe(path: string): Promise<Buffer> {
  const handle = await open(path, constants.O_RDONLY);
  try {
    return await handle.readFile();
  } finally {
    await handle.close();
  }
}
