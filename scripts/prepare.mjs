// npm runs this when it packs a checkout, links it (npm install --global .), or installs the repository from git: the program is built then.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '..');
if (!existsSync(path.join(root, 'node_modules/esbuild'))) {
  // Settings of the npm that runs this, such as --global, are meant for its own command.
  const environment = Object.entries(process.env).filter(
    ([name]) => !/^npm_config_(global|location|prefix|local_prefix|dry_run|omit)$/i.test(name),
  );
  // Standard output is npm's: it may be JSON.
  execFileSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
    cwd: root,
    env: Object.fromEntries(environment),
    stdio: ['ignore', 2, 2],
  });
}
await import('./build.mjs');
