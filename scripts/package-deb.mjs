// Makes imds-anywhere_VERSION_ARCHITECTURE.deb in .cache/: npm run package:deb [-- DIRECTORY]. Takes what is in dist/ and node_modules/, so that
// it needs no network; for another processor run it there. The same sources give the same bytes.
import { execFileSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile, chmod, readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { gzipSync } from 'node:zlib';

const root = path.resolve(import.meta.dirname, '..');
const target = path.resolve(process.argv[2] ?? path.join(root, '.cache'));
const { version, description } = JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8'));
const architecture = { x64: 'amd64', arm64: 'arm64' }[process.arch];
if (architecture === undefined) throw new Error(`no Debian architecture is known for ${process.arch}`);
const LIBRARY = 'usr/lib/imds-anywhere';
const UNITS = 'usr/lib/systemd/system';
/** What restarts the service when its key was replaced; both optional, as the socket. */
const RESTART = ['imds-anywhere-restart.path', 'imds-anywhere-restart.service'];
const DOC = 'usr/share/doc/imds-anywhere';
const OVERRIDES = `# deb-systemd-helper undoes only what it has done itself, and the operator enables the units with systemctl.
imds-anywhere: maintainer-script-calls-systemctl [prerm:*]
`;

await mkdir(target, { recursive: true });
const stage = await mkdtemp(path.join(target, 'deb-'));
try {
  await program();
  await units();
  await documents();
  await completions();
  await control();
  await evenModes(stage);
  const file = path.join(target, `imds-anywhere_${version}_${architecture}.deb`);
  execFileSync('dpkg-deb', ['--root-owner-group', '-Zxz', '--build', stage, file], {
    env: { ...process.env, SOURCE_DATE_EPOCH: String(lastChange()) },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  console.log(file);
} finally {
  await rm(stage, { recursive: true });
}

async function program() {
  const main = path.join(stage, LIBRARY, 'dist/main.js');
  await cp(path.join(root, 'dist'), path.dirname(main), { recursive: true });
  // The Node the package depends on, whatever else is found first in PATH.
  await writeFile(main, (await readFile(main, 'utf8')).replace('#!/usr/bin/env node', '#!/usr/bin/node'));
  await put(`${LIBRARY}/package.json`, `${JSON.stringify({ name: 'imds-anywhere', version, type: 'module' })}\n`);
  const native = `@koromix/koffi-linux-${process.arch}`;
  for (const library of ['koffi', native])
    await cp(path.join(root, 'node_modules', library), path.join(stage, LIBRARY, 'node_modules', library), {
      recursive: true,
      dereference: true,
      filter: isNeeded,
    });
  await mkdir(path.join(stage, 'usr/bin'), { recursive: true });
  await symlink('../lib/imds-anywhere/dist/main.js', path.join(stage, 'usr/bin/imds-anywhere'));
}

/** Of koffi its JavaScript and what is built for this system with glibc, not what that is built from. */
async function isNeeded(file) {
  const inside = file.slice(file.lastIndexOf('node_modules'));
  if (/\/(vendor|doc|lib|musl_\w+|cnoke.cjs|trampolines.cjs)(\/|$)/.test(inside)) return false;
  return (await stat(file)).isDirectory() || /\.(js|cjs|node)$|\/package\.json$/.test(file);
}

async function units() {
  for (const unit of ['imds-anywhere.service', 'imds-anywhere@.service', 'imds-anywhere.socket', ...RESTART])
    await put(`${UNITS}/${unit}`, await readFile(path.join(root, 'systemd', unit)));
  await cp(path.join(root, 'systemd/drop-ins'), path.join(stage, DOC, 'examples/drop-ins'), { recursive: true });
  await mkdir(path.join(stage, 'etc/imds-anywhere'), { recursive: true });
}

async function documents() {
  const page = await readFile(path.join(root, 'packaging/imds-anywhere.1'));
  await put('usr/share/man/man1/imds-anywhere.1.gz', gzipSync(page, { level: 9 }));
  await put(`${DOC}/examples/config.yaml`, await exampleForUnit());
  const date = new Date(lastChange() * 1000).toUTCString().replace('GMT', '+0000');
  const changes = `imds-anywhere (${version}) stable; urgency=medium

  * See the history of the project.

 -- ${maintainer()}  ${date}
`;
  await put('usr/share/lintian/overrides/imds-anywhere', OVERRIDES);
  await put(`${DOC}/changelog.gz`, gzipSync(changes, { level: 9 }));
  await put(`${DOC}/copyright`, await copyright());
}

/** The key stays root's: the service reads the copy that the unit's LoadCredential= gives it. Its StateDirectory= is there to be used, and
 *  `imds-anywhere status --config` asks the admin socket. */
async function exampleForUnit() {
  const example = await readFile(path.join(root, 'config.example.yaml'), 'utf8');
  return example
    .replace('privateKey: /etc/imds-anywhere/', 'privateKey: /run/credentials/imds-anywhere.service/')
    .replace('# stateDirectory: ', 'stateDirectory: ')
    .replace(/^# (admin:)\n#.*\n# ( {2}socket: .*)$/m, '$1\n$2');
}

async function copyright() {
  return `imds-anywhere is licensed under the Apache License 2.0: /usr/share/common-licenses/Apache-2.0.

${await readFile(path.join(root, 'dist/licences.txt'), 'utf8')}`;
}

async function completions() {
  const files = {
    bash: 'usr/share/bash-completion/completions/imds-anywhere',
    zsh: 'usr/share/zsh/vendor-completions/_imds-anywhere',
    fish: 'usr/share/fish/vendor_completions.d/imds-anywhere.fish',
  };
  for (const [shell, file] of Object.entries(files))
    await put(file, execFileSync(process.execPath, [path.join(root, 'dist/main.js'), 'completion', shell]));
}

async function control() {
  const kib = execFileSync('du', ['-sk', '--apparent-size', stage], { encoding: 'utf8' }).split('\t')[0];
  const [summary, rest = ''] = description.split(': ');
  await put(
    'DEBIAN/control',
    `Package: imds-anywhere
Version: ${version}
Architecture: ${architecture}
Maintainer: ${maintainer()}
Installed-Size: ${kib}
Depends: nodejs (>= 20.19), libc6
Section: net
Priority: optional
Description: ${summary}
${wrapped(`${rest.charAt(0).toUpperCase()}${rest.slice(1)}.`)}
`,
  );
  for (const script of ['postinst', 'prerm', 'postrm'])
    await put(`DEBIAN/${script}`, await readFile(path.join(root, 'packaging', script)));
  const files = execFileSync('find', ['.', '-path', './DEBIAN', '-prune', '-o', '-type', 'f', '-printf', '%P\\0'], {
    cwd: stage,
    encoding: 'utf8',
  });
  const names = files.split('\0').filter(Boolean).sort();
  await put('DEBIAN/md5sums', execFileSync('md5sum', names, { cwd: stage }));
}

async function put(file, content) {
  await mkdir(path.dirname(path.join(stage, file)), { recursive: true });
  await writeFile(path.join(stage, file), content);
}

/** Lines of a description: a space, and fewer than 80 characters. */
function wrapped(text) {
  return text.replaceAll(/(.{1,78})(?:\s+|$)/g, ' $1\n').trimEnd();
}

/** Whatever the umask of who builds. */
async function evenModes(directory) {
  await chmod(directory, 0o755);
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    const file = path.join(directory, entry.name);
    if (entry.isDirectory()) await evenModes(file);
    else if (!entry.isSymbolicLink()) await chmod(file, isProgram(file) ? 0o755 : 0o644);
  }
}

function isProgram(file) {
  return file.endsWith('/dist/main.js') || /\/DEBIAN\/(postinst|prerm|postrm)$/.test(file);
}

function lastChange() {
  return Number(process.env.SOURCE_DATE_EPOCH ?? git('log', '-1', '--format=%ct'));
}

function maintainer() {
  return process.env.DEBEMAIL ?? git('log', '-1', '--format=%an <%ae>');
}

function git(...args) {
  return execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim();
}
