import { existsSync } from 'node:fs';
import path from 'node:path';

/** Where distributions put modules. The system's loader does not search there. */
const DIRECTORIES = [
  '/usr/lib/pkcs11',
  '/usr/lib64/pkcs11',
  `/usr/lib/${multiarch()}/pkcs11`,
  `/usr/lib/${multiarch()}`,
  '/usr/lib/softhsm',
  '/usr/lib64',
  '/usr/lib',
  '/usr/local/lib',
];

function multiarch(): string {
  const machine = { x64: 'x86_64', arm64: 'aarch64' }[process.arch as string] ?? process.arch;
  return `${machine}-linux-gnu`;
}

/** The file of a module, from its path, its file name, or its name without `lib` and `.so`. */
export function moduleFile(module: string): string {
  if (path.isAbsolute(module)) return module;
  const names = module.includes('.') ? [module] : [`lib${module}.so`, `${module}.so`, `${module}-pkcs11.so`];
  const files = DIRECTORIES.flatMap((directory) => names.map((name) => path.join(directory, name)));
  return files.find((file) => existsSync(file)) ?? names[0] ?? module;
}
