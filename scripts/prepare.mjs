// npm runs this when it packs a checkout, links it (npm install --global .), or installs the
// repository from git. Builds the program.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '..');
if (!existsSync(path.join(root, 'node_modules/esbuild'))) {
  // Settings of the outer npm, such as --global, are only for its own command.
  const environment = Object.entries(process.env).filter(
    ([name]) => !/^npm_config_(global|location|prefix|local_prefix|dry_run|omit)$/i.test(name),
  );
  // Standard output belongs to npm, and may be JSON.
  execFileSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
    cwd: root,
    env: Object.fromEntries(environment),
    stdio: ['ignore', 2, 2],
  });
}
await import('./build.mjs');
