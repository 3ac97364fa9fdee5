import { spawn } from 'node:child_process';
import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { builtinModules } from 'node:module';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { eventually, PROGRAM } from '../support/program.ts';
import { onFreePort, Workshop } from '../support/workshop.ts';

const DIST = path.dirname(PROGRAM);

test('the program imports only Node modules by name, because names are looked up in every directory above', async () => {
  const files = (await readdir(DIST)).filter((file) => file.endsWith('.js'));
  const named =
    /\b(?:require|import)\s*\(\s*"([^"./][^"]*)"|\b(?:import|export)\b[^"();]*\bfrom\s*"([^"./][^"]*)"|\bimport\s*"([^"./][^"]*)";/g;
  const names = new Set<string>();
  for (const file of files)
    for (const match of (await readFile(path.join(DIST, file), 'utf8')).matchAll(named))
      names.add(match.slice(1).find(Boolean) ?? '');
  const foreign = [...names].filter((name) => !name.startsWith('node:') && !builtinModules.includes(name));
  expect(files).toEqual(expect.arrayContaining(['main.js', 'serve.js', 'credential-process.js', 'tools.js']));
  expect(names.size).toBeGreaterThan(10);
  // In the message of an error.
  expect(foreign.filter((name) => name !== 'reflect-metadata')).toEqual([]);
});

test('a module that another user put into a directory above is not run', async () => {
  const workshop = await Workshop.open();
  onTestFinished(workshop.close);
  const { config } = await workshop.emulator();
  const file = await workshop.write('config.yaml', onFreePort(config));
  const dist = path.join(workshop.directory, 'shared/imds-anywhere/dist');
  await cp(DIST, dist, { recursive: true });
  for (const name of ['koffi', 'kerberos', 'light-my-request', '@fastify/ajv-compiler']) {
    const hostile = path.join(workshop.directory, 'node_modules', name);
    await mkdir(hostile, { recursive: true });
    await writeFile(path.join(hostile, 'package.json'), '{"type":"module","main":"index.js"}');
    await writeFile(path.join(hostile, 'index.js'), `process.stderr.write('hostile code ran');`);
  }
  const program = spawn(process.execPath, [path.join(dist, 'main.js'), 'serve', file], { stdio: 'pipe' });
  onTestFinished(() => void program.kill());
  let said = '';
  program.stderr.on('data', (text) => (said += String(text)));
  await eventually('a session', 30_000, () => (said.includes('role session granted') ? true : undefined));
  expect(said).not.toContain('hostile code ran');
  if (process.platform === 'linux') expect(said).toContain('MEMORY_READABLE');
});
