import { dirname } from 'node:path';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { Secret } from '../../src/foundation/secret.ts';
import { passphraseHint, readPassphrase, secretFile, secretVariables } from '../../src/identity/passphrase.ts';
import { makeAuthority } from '../support/pki.ts';
import { codeOf, load, writeFile } from './identity-directory.ts';

describe('a passphrase', () => {
  it.each([
    ['geheim', 'geheim'],
    ['geheim\n', 'geheim'],
    ['geheim\r\n', 'geheim'],
    ['geheim\n\n', 'geheim\n'],
    ['geheim\nPIN', 'geheim\nPIN'],
    ['\ngeheim', '\ngeheim'],
    [' Grüße 🔑 \n', ' Grüße 🔑 '],
    ['\n', ''],
  ])('from the file %j is %j', async (content, expected) => {
    const passphrase = await readPassphrase({ from: 'file', path: writeFile(content) }, {});
    expect(passphrase.reveal()).toBe(expected);
  });

  it('and every other secret of a configuration in a variable is known by its name', () => {
    const of = (variable: string) => ({ from: 'environment', variable }) as const;
    const identity = {
      certificate: 'c',
      passphrase: of('A'),
      tpm: { parentPassword: of('B'), ownerPassword: of('C') },
    };
    const config = { identity: { ...identity, allowReadableKey: false }, state: { directory: '/s', key: of('D') } };
    expect(secretVariables(config)).toEqual(['A', 'B', 'C', 'D']);
    const others = { ...identity, passphrase: { from: 'file', path: '/p' }, tpm: {}, allowReadableKey: false } as const;
    expect(secretVariables({ identity: others, state: { directory: '/s', key: { from: 'tpm' } } })).toEqual([]);
  });

  it('and so is a variable for a program of the configuration, unless every program may need it', () => {
    const environment = ['KMS_TOKEN', 'HOME', 'lc_all', 'HTTPS_PROXY', 'AWS_REGION', 'HOMELAB_TOKEN'];
    const identity = {
      ...{ certificate: 'c', allowReadableKey: false },
      privateKey: { kind: 'command', argv: ['/sign'], environment, timeoutMs: 1 },
      renew: { command: ['/renew'], at: 0.5, timeout: 1, environment: ['CA_TOKEN', 'PATH'], rekey: false },
    } as const;
    expect(secretVariables({ identity })).toEqual(['KMS_TOKEN', 'HOMELAB_TOKEN', 'CA_TOKEN']);
    expect(secretVariables({ identity: { ...identity, privateKey: 'file' } })).toEqual(['CA_TOKEN']);
    const token = { ...identity, privateKey: { kind: 'pkcs11', uri: 'pkcs11:', module: 'm' } } as const;
    expect(secretVariables({ identity: token })).toEqual(['CA_TOKEN']);
  });

  it('and variables that every program may need are no secrets', () => {
    const others = ['XHOME', 'USERS', 'LC_', 'XXDG_A', 'XDG_', 'A_AWS_REGION', 'AWS_PROFILE', 'AWS_REGIONS'];
    const alike = ['ftp_proxy', 'proxy', 'SSL_CERT_', 'SSL_CERT_FILES', 'LD_PRELOAD'];
    const environment = [
      ...['HOME', 'USER', 'LOGNAME', 'SHELL', 'PATH', 'PWD', 'TERM', 'TMPDIR', 'TZ', 'LANG', 'LANGUAGE'],
      ...['LC_TIME', 'XDG_RUNTIME_DIR', 'LD_LIBRARY_PATH', 'AWS_REGION', 'AWS_DEFAULT_REGION'],
      ...['http_proxy', 'https_proxy', 'no_proxy', 'all_proxy', 'NO_PROXY', 'SSL_CERT_FILE', 'SSL_CERT_DIR'],
      ...[...others, ...alike],
    ];
    const privateKey = { kind: 'command', argv: ['/sign'], environment, timeoutMs: 1 } as const;
    const identity = { certificate: 'c', allowReadableKey: false, privateKey };
    expect(secretVariables({ identity })).toEqual([...others, ...alike]);
  });

  it('is not read from a file that others can change, unless the operator allows it', async () => {
    const source = { from: 'file', path: writeFile('geheim', { mode: 0o666 }) } as const;
    expect(await codeOf(readPassphrase(source, {}))).toBe('FILE_WRITABLE_BY_OTHERS');
    expect((await readPassphrase(source, {}, { allowReadableKey: true })).reveal()).toBe('geheim');
  });

  it.each([
    ['of a file', { from: 'file', path: '/p' }, {}, '/p'],
    ['of a credential', { from: 'credential', name: 'p' }, { CREDENTIALS_DIRECTORY: '/c' }, '/c/p'],
    ['of a credential outside of a service', { from: 'credential', name: 'p' }, {}, undefined],
    ['of a variable', { from: 'environment', variable: 'P' }, { CREDENTIALS_DIRECTORY: '/c' }, undefined],
    ['of a TPM', { from: 'tpm' }, { CREDENTIALS_DIRECTORY: '/c' }, undefined],
    ['of nothing', undefined, { CREDENTIALS_DIRECTORY: '/c' }, undefined],
  ] as const)('%s is in this file', (_, source, environment, path) => {
    expect(secretFile(source, environment)).toBe(path);
  });

  it('comes from a systemd credential', async () => {
    const directory = dirname(writeFile('geheim\n', { name: 'key-passphrase' }));
    const source = { from: 'credential', name: 'key-passphrase' } as const;
    expect((await readPassphrase(source, { CREDENTIALS_DIRECTORY: directory })).reveal()).toBe('geheim');
    expect(await codeOf(readPassphrase({ ...source, name: 'other' }, { CREDENTIALS_DIRECTORY: directory }))).toBe(
      'FILE_MISSING',
    );
    expect(await codeOf(readPassphrase(source, {}))).toBe('CREDENTIALS_DIRECTORY_UNSET');
  });

  it('comes unchanged from the environment', async () => {
    const source = { from: 'environment', variable: 'KEY_PASSPHRASE' } as const;
    expect((await readPassphrase(source, { KEY_PASSPHRASE: 'geheim\n' })).reveal()).toBe('geheim\n');
    expect(await codeOf(readPassphrase(source, { OTHER: 'x' }))).toBe('PASSPHRASE_VARIABLE_UNSET');
  });

  it('is at most 1024 bytes long', async () => {
    const source = { from: 'environment', variable: 'P' } as const;
    expect((await readPassphrase(source, { P: 'x'.repeat(1024) })).reveal()).toHaveLength(1024);
    expect(await codeOf(readPassphrase(source, { P: 'ü'.repeat(513) }))).toBe('PASSPHRASE_TOO_LONG');
  });

  it('cannot be printed', async () => {
    const passphrase = await readPassphrase({ from: 'environment', variable: 'P' }, { P: 'geheim' });
    expect(inspect(passphrase) + JSON.stringify({ passphrase }) + String(passphrase)).not.toContain('geheim');
  });
});

describe('a wrong passphrase', () => {
  it.each([
    ['geh\0eim', /in UTF-16/],
    ['\uFEFF', /byte order mark/],
    ['geheim\uFFFD', /is not UTF-8/],
    ['geheim\r', /ends with a second line break/],
    ['geheim\rPIN', /has several lines/],
    ['\tgeheim', /begins or ends with white space/],
    ["'geheim'", /is in quotes/],
    ['""', /is in quotes/],
    ['', /is empty/],
  ])('%j is odd', (text, hint) => {
    expect(passphraseHint(new Secret(text))).toMatch(/^; what was read as the passphrase /);
    expect(passphraseHint(new Secret(text))).toMatch(hint);
  });

  it.each(['geheim', 'ein Wort', 'a\uFEFFb', `"geheim'`, 'a "b"', '"b" c', '"'])('%j is not odd', (text) => {
    expect(passphraseHint(new Secret(text))).toBe('');
  });

  it.each<[string, string | Buffer, RegExp]>([
    ['a byte order mark', '\uFEFFgeheim\n', /begins with a byte order mark/],
    ['UTF-16', Buffer.from('\uFEFFgeheim\r\n', 'utf16le'), /UTF-16, as PowerShell/],
    ['UTF-16 without its mark', Buffer.from('geheim', 'utf16le'), /UTF-16/],
    ['Latin-1', Buffer.from('gehe\u00fcm', 'latin1'), /is not UTF-8/],
    ['two line breaks', 'geheim\n\n', /ends with a second line break/],
    ['two lines', 'geheim\nPIN\n', /several lines/],
    ['a blank', 'geheim \n', /white space/],
    ['quotes', '"geheim"\n', /in quotes/],
    ['nothing', '\n', /is empty/],
    ['another word', 'falsch\n', /key in \S+$/],
  ])('because of %s', async (_, content, hint) => {
    const leaf = await (await makeAuthority()).issue();
    const encrypted = { format: 'pem', type: 'pkcs8', cipher: 'aes-128-cbc', passphrase: 'geheim' } as const;
    const privateKey = leaf.privateKey.export(encrypted).toString();
    const passphrase = { from: 'file', path: writeFile(content) } as const;
    await expect(load({ certificate: leaf.certificatePem, privateKey, passphrase })).rejects.toMatchObject({
      code: 'PASSPHRASE_WRONG',
      message: expect.stringMatching(hint) as string,
    });
  });
});
