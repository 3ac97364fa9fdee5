import { chmodSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { trustedCas } from '../../src/rolesanywhere/ca-bundle.ts';
import { temporaryFile, tlsFor } from './support.ts';

let first: string;
let second: string;
beforeAll(async () => {
  const authorities = await Promise.all([tlsFor('127.0.0.1'), tlsFor('127.0.0.1')]);
  [first = '', second = ''] = authorities.map(({ ca }) => ca.trim());
});

it("is Node's own choice unless there is a setting", async () => {
  for (const environment of [{}, { SSL_CERT_FILE: '' }, { SSL_CERT_DIR: '' }, { SSL_CERT_FILE: '', SSL_CERT_DIR: '' }])
    expect(await trustedCas(undefined, environment)).toBeUndefined();
});

it('are the certificates of file and directories, each once', async () => {
  const file = temporaryFile('ca.pem', `text\n${first}\ntext\n`);
  const directory = path.dirname(temporaryFile('a.pem', `${first}\n${second}`));
  writeFileSync(path.join(directory, 'README'), 'no certificate');
  writeFileSync(path.join(directory, 'damaged.pem'), first.replace(/MII../, 'AAAAA'));
  symlinkSync('a.pem', path.join(directory, '0123abcd.0'));
  symlinkSync('gone.pem', path.join(directory, '0123abcd.1'));
  expect(await trustedCas(undefined, { SSL_CERT_FILE: file })).toEqual([first]);
  expect(await trustedCas(undefined, { SSL_CERT_DIR: directory })).toEqual([first, second]);
  expect(await trustedCas(undefined, { SSL_CERT_FILE: file, SSL_CERT_DIR: `:${directory}:` })).toEqual([first, second]);
  expect(await trustedCas(file, { SSL_CERT_DIR: directory })).toEqual([first]);
});

it('must be there', async () => {
  const file = temporaryFile('README', 'no certificate');
  for (const cas of [trustedCas(file, {}), trustedCas(undefined, { SSL_CERT_DIR: path.dirname(file) })])
    await expect(cas).rejects.toMatchObject({
      code: 'CA_BUNDLE_EMPTY',
      message: expect.stringContaining('holds no PEM certificate') as string,
    });
  const damaged = temporaryFile('ca.pem', `${first}\n${second.replace(/MII../, 'AAAAA')}`);
  await expect(trustedCas(damaged, {})).rejects.toMatchObject({
    code: 'CA_BUNDLE_EMPTY',
    message: expect.stringContaining(`certificate 2 in ${damaged} `) as string,
  });
});

it('may have 16 MiB', async () => {
  const size = 16 * 1024 * 1024;
  expect(await trustedCas(temporaryFile('ca.pem', first.padEnd(size)), {})).toEqual([first]);
  await expect(trustedCas(temporaryFile('ca.pem', first.padEnd(size + 1)), {})).rejects.toMatchObject({
    code: 'CA_BUNDLE_UNREADABLE',
  });
});

it('are not read from a file that other users can change', async () => {
  const file = temporaryFile('ca.pem', first);
  chmodSync(file, 0o666);
  await expect(trustedCas(file, {})).rejects.toMatchObject({ code: 'FILE_WRITABLE_BY_OTHERS' });
});
