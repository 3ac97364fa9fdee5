/** Functions of the C library that Node does not offer. Each gives -1 when it failed, and `errno` why. */
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
} as const;

/** Undefined where koffi, an optional dependency, is not installed or has nothing prebuilt for this system. */
export async function loadLibc(): Promise<Libc | undefined> {
  try {
    const { default: koffi } = await import('koffi');
    const symbols = koffi.load(null);
    const functions = Object.entries(SIGNATURES).map(([name, signature]) => [name, symbols.func(signature)] as const);
    return { ...(Object.fromEntries(functions) as unknown as Libc), errno: () => koffi.errno() };
  } catch {
    return undefined;
  }
}
