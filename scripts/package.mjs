// Makes packages in .cache/packages: npm run package -- [--architecture x64|arm64] [--directory DIRECTORY] [--quick] FORMAT...
//   deb, rpm, tar     bring their own Node
//   deb-system-node   runs on the Node of the system
// The same sources give the same bytes. --quick compresses little, for tests. Needs the registry once, for Node; dpkg-deb, rpmbuild, binutils.
import { execFileSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';
import {
  completion,
  DOC,
  evenModes,
  lastChange,
  LIBRARY,
  maintainer,
  manualPage,
  paragraph,
  put,
  putExamples,
  putProgram,
  putSystemFiles,
  root,
  summary,
  version,
} from './package-files.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    architecture: { type: 'string', default: process.arch },
    directory: { type: 'string', default: path.join(root, '.cache/packages') },
    quick: { type: 'boolean', default: false },
  },
});
const { architecture, quick } = values;
const target = path.resolve(values.directory);
const [debian, redHat] = { x64: ['amd64', 'x86_64'], arm64: ['arm64', 'aarch64'] }[architecture] ?? [];
if (debian === undefined) throw new Error(`no package is made for ${architecture}`);

const FORMATS = { deb: (made) => deb(made, true), 'deb-system-node': (made) => deb(made, false), rpm, tar };
const env = { ...process.env, SOURCE_DATE_EPOCH: String(lastChange()), XZ_DEFAULTS: '--threads=2' };
const xzLevel = quick ? 1 : 9;

const OVERRIDES = `# deb-systemd-helper undoes only what it has done itself, and the operator enables the units with systemctl.
NAME: maintainer-script-calls-systemctl [prerm:*]
# Node, as its makers build it.
NAME: embedded-library
NAME: statically-linked-binary
`;

const formats = positionals.map((name) => FORMATS[name]);
if (formats.length === 0 || formats.includes(undefined))
  throw new Error(`name formats: ${Object.keys(FORMATS).join(', ')}`);
await mkdir(target, { recursive: true });
/** The program for packages with and without their Node. Several formats share it. */
const programs = new Map();
await staged(async (directory) => {
  for (const make of formats) console.log(await make(directory));
});

/** @param make - gets an empty directory. */
async function staged(make) {
  const stage = await mkdtemp(path.join(target, 'stage-'));
  try {
    return await make(stage);
  } finally {
    await rm(stage, { recursive: true });
  }
}

/** @param made - the directory of the program, which is made once for all formats. */
async function copyProgram(made, directory, brings) {
  const program = path.join(made, String(brings));
  if (!programs.has(brings)) programs.set(brings, putProgram(program, architecture, brings));
  await programs.get(brings);
  await cp(program, directory, { recursive: true });
}

async function deb(made, brings) {
  const name = brings ? 'imds-anywhere' : 'imds-anywhere-system-node';
  return staged(async (stage) => {
    await copyProgram(made, path.join(stage, LIBRARY), brings);
    await putSystemFiles(stage, brings);
    await put(stage, `usr/share/lintian/overrides/${name}`, OVERRIDES.replaceAll('NAME', name));
    await put(stage, `${DOC}/changelog.gz`, gzipSync(debianChangelog(name), { level: 9 }));
    await putControl(stage, name, brings);
    await evenModes(stage);
    const file = path.join(target, `${name}_${version}_${debian}.deb`);
    const options = ['--root-owner-group', '-Zxz', `-z${xzLevel}`, '--build', stage, file];
    execFileSync('dpkg-deb', options, { env, stdio: ['ignore', 'ignore', 'inherit'] });
    return file;
  });
}

function debianChangelog(name) {
  const date = new Date(lastChange() * 1000).toUTCString().replace('GMT', '+0000');
  return `${name} (${version}) stable; urgency=medium

  * See the history of the project.

 -- ${maintainer()}  ${date}
`;
}

async function putControl(stage, name, brings) {
  const kib = execFileSync('du', ['-sk', '--apparent-size', stage], { encoding: 'utf8' }).split('\t')[0];
  const other = brings ? 'imds-anywhere-system-node' : 'imds-anywhere';
  // What Node 24 is linked to: GLIBC_2.28, GLIBCXX_3.4.21.
  const needs = brings ? 'libc6 (>= 2.28), libstdc++6 (>= 8), libgcc-s1 | libgcc1' : 'nodejs (>= 20.19), libc6';
  await put(
    stage,
    'DEBIAN/control',
    `Package: ${name}
Version: ${version}
Architecture: ${debian}
Maintainer: ${maintainer()}
Installed-Size: ${kib}
Depends: ${needs}
Conflicts: ${other}
Replaces: ${other}
Section: net
Priority: optional
Description: ${summary}
${wrapped(paragraph)}
`,
  );
  for (const script of ['postinst', 'prerm', 'postrm'])
    await put(stage, `DEBIAN/${script}`, await readFile(path.join(root, 'packaging', script)));
  // Another Node needs another code cache.
  if (!brings) await put(stage, 'DEBIAN/triggers', 'interest-noawait /usr/bin/node\n');
  const files = execFileSync('find', ['.', '-path', './DEBIAN', '-prune', '-o', '-type', 'f', '-printf', '%P\\0'], {
    cwd: stage,
    encoding: 'utf8',
  });
  const names = files.split('\0').filter(Boolean).sort();
  await put(stage, 'DEBIAN/md5sums', execFileSync('md5sum', names, { cwd: stage }));
}

/** Lines of a description: a space, and fewer than 80 characters. */
function wrapped(text) {
  return text.replaceAll(/(.{1,78})(?:\s+|$)/g, ' $1\n').trimEnd();
}

async function rpm(made) {
  return staged(async (work) => {
    const stage = path.join(work, 'files');
    await copyProgram(made, path.join(stage, LIBRARY), true);
    await putSystemFiles(stage, true);
    await evenModes(stage);
    const spec = path.join(work, 'imds-anywhere.spec');
    const text = await readFile(path.join(root, 'packaging/imds-anywhere.spec'), 'utf8');
    await put(work, 'imds-anywhere.spec', text);
    const macros = {
      _topdir: work,
      _rpmdir: work,
      _buildhost: 'localhost',
      _binary_payload: `w${xzLevel}.xzdio`,
      package_files: stage,
      package_version: version,
      package_summary: summary,
      package_paragraph: paragraph,
      package_maintainer: maintainer(),
    };
    const definitions = Object.entries(macros).flatMap(([name, value]) => ['--define', `${name} ${value}`]);
    execFileSync('rpmbuild', ['-bb', '--quiet', '--target', `${redHat}-linux`, ...definitions, spec], {
      env,
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const name = `imds-anywhere-${version}-1.${redHat}.rpm`;
    execFileSync('cp', [path.join(work, redHat, name), target]);
    return path.join(target, name);
  });
}

async function tar(made) {
  const name = `imds-anywhere-${version}-linux-${architecture}`;
  return staged(async (work) => {
    const stage = path.join(work, name);
    await copyProgram(made, stage, true);
    await putExamples(stage, '.', true);
    await put(stage, 'LICENSE', await readFile(path.join(root, 'LICENSE')));
    await put(stage, 'man/man1/imds-anywhere.1', await manualPage());
    for (const shell of ['bash', 'zsh', 'fish']) await put(stage, `completions/${shell}`, completion(shell));
    execFileSync('cp', ['-R', path.join(root, 'systemd'), stage]);
    await evenModes(work);
    await chmodLauncher(stage);
    const file = path.join(target, `${name}.tar.xz`);
    const order = [
      '--sort=name',
      `--mtime=@${lastChange()}`,
      '--owner=0',
      '--group=0',
      '--numeric-owner',
      '--format=ustar',
    ];
    execFileSync(
      'tar',
      ['--create', ...order, `--use-compress-program=xz -${xzLevel}`, '--file', file, '--directory', work, name],
      {
        env,
        stdio: ['ignore', 'ignore', 'inherit'],
      },
    );
    return file;
  });
}

function chmodLauncher(stage) {
  return execFileSync('chmod', ['755', path.join(stage, 'node'), path.join(stage, 'imds-anywhere')]);
}
