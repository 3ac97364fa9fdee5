import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import type * as Koffi from 'koffi';

/**
 * Functions of the C library that Node lacks. Each returns -1 on failure, with the reason in
 * `errno`.
 */
export interface Libc {
  readonly socket: (domain: number, type: number, protocol: number) => number;
  readonly close: (descriptor: number) => number;
  readonly dup: (descriptor: number) => number;
  readonly sendto: (
    descriptor: number,
    data: Buffer,
    length: number,
    flags: number,
    to: Buffer,
    toLength: number,
  ) => number;
  readonly recv: (descriptor: number, into: Buffer, length: number, flags: number) => number;
  /** @param length - of `into`; afterwards that of the value. */
  readonly getsockopt: (descriptor: number, level: number, name: number, into: Buffer, length: [number]) => number;
  readonly setsockopt: (descriptor: number, level: number, name: number, value: Buffer, length: number) => number;
  readonly prctl: (option: number, second: number, third: number, fourth: number, fifth: number) => number;
  readonly setrlimit: (resource: number, limits: Buffer) => number;
  readonly errno: () => number;
}

const SIGNATURES = {
  socket: 'int socket(int, int, int)',
  close: 'int close(int)',
  dup: 'int dup(int)',
  sendto: 'long sendto(int, const uint8_t*, size_t, int, const uint8_t*, uint32_t)',
  recv: 'long recv(int, _Out_ uint8_t*, size_t, int)',
  getsockopt: 'int getsockopt(int, int, int, _Out_ uint8_t*, _Inout_ uint32_t*)',
  setsockopt: 'int setsockopt(int, int, int, const uint8_t*, uint32_t)',
  prctl: 'int prctl(int, unsigned long, unsigned long, unsigned long, unsigned long)',
  setrlimit: 'int setrlimit(int, const uint8_t*)',
} as const;

/** Undefined if koffi, an optional dependency, is missing or has no binary for this system. */
export async function loadLibc(): Promise<Libc | undefined> {
  try {
    const koffi = await loadKoffi();
    if (!koffi) return undefined;
    const symbols = koffi.load(null);
    const functions = Object.entries(SIGNATURES).map(([name, signature]) => [name, symbols.func(signature)] as const);
    return { ...(Object.fromEntries(functions) as unknown as Libc), errno: () => koffi.errno() };
  } catch {
    return undefined;
  }
}

/** Undefined if it is not installed. @throws if it has no binary for this system. */
export async function loadKoffi(): Promise<typeof Koffi.default | undefined> {
  const place = koffiPlaces().find((directory) => existsSync(directory));
  if (place === undefined) return undefined;
  const native = nativePart(place);
  if (native !== undefined) return createRequire(native)(native) as typeof Koffi.default;
  const { default: koffi } = (await import(`${place}/index.cjs`)) as typeof Koffi;
  return koffi;
}

type Host = Pick<NodeJS.Process, 'platform' | 'arch'>;

/**
 * The file that koffi's JavaScript would load. That script takes 8 of the 10 ms, because it reads
 * every export of node:util. Undefined if it must choose: with musl, there is another file.
 */
export function nativePart(koffi: string, system: Host = process): string | undefined {
  const { platform, arch } = system;
  if (platform !== 'linux' || MUSL.some((loader) => existsSync(loader))) return undefined;
  const file = path.resolve(koffi, `../@koromix/koffi-linux-${arch}/linux_${arch}/koffi.node`);
  return existsSync(file) ? file : undefined;
}

const MUSL = ['x86_64', 'aarch64'].map((processor) => `/lib/ld-musl-${processor}.so.1`);

/**
 * Where an installation of this program has koffi: in dist, next to it, or next to the package.
 * Node's own search would continue in the `node_modules` of every directory above, and could run
 * another user's code.
 *
 * @param dist - the directory of the program.
 */
export function koffiPlaces(dist = PROGRAM_DIRECTORY): readonly string[] {
  const neighbours = path.resolve(dist, '../..');
  return [
    path.join(dist, 'node_modules/koffi'),
    path.resolve(dist, '../node_modules/koffi'),
    ...(path.basename(neighbours) === 'node_modules' ? [path.join(neighbours, 'koffi')] : []),
  ];
}

/** Tests run from the sources, which have `dist` next to them. */
const PROGRAM_DIRECTORY = import.meta.dirname.replace(/[/\\]src[/\\]platform$/, `${path.sep}dist`);
