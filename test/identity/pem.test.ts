// Common PEM files: complete blocks are read, others are rejected by name, and no certificate is lost without a message.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { CodedError } from '../../src/foundation/errors.ts';
import { readIdentityContent } from '../../src/identity/identity-content.ts';
import { type Authority, type Issued, makeAuthority, pem } from '../support/pki.ts';
import { describeWith, hasTool } from '../support/tools.ts';
import { load, writeFile } from './identity-directory.ts';

let authority: Authority;
let device: Issued;
let both = '';
beforeAll(async () => {
  authority = await (await makeAuthority()).subordinate('Intermediate');
  device = await authority.issue();
  both = device.certificatePem + authority.certificatePem;
});

describe('reads a leaf and its intermediate', () => {
  const layouts: Record<string, (text: string) => string | Buffer> = {
    'joined without a newline': (text) => text.replaceAll('-----\n-----BEGIN', '----------BEGIN'),
    'each on a line of its own': (text) =>
      text.replaceAll(/-----BEGIN[^]*?-----END CERTIFICATE-----/g, (block) => block.replaceAll('\n', '')),
    'on one line': (text) => text.replaceAll('\n', ''),
    'on one line, spaces for line breaks': (text) => text.replaceAll('\n', ' '),
    'in quotes': (text) => `CERTIFICATES="${text.trim()}"\n`,
    'with a byte order mark in front of each': (text) => text.replaceAll('-----BEGIN', '\uFEFF-----BEGIN'),
    'after a word on the line': (text) => text.replaceAll('-----BEGIN', 'certificate: -----BEGIN'),
    'with old Mac line ends': (text) => text.replaceAll('\n', '\r'),
    'with doubled line ends': (text) => text.replaceAll('\n', '\r\r\n'),
    'with trailing blanks': (text) => text.replaceAll('\n', ' \t\n'),
    'with headers': (text) => text.replaceAll('ATE-----\nMI', 'ATE-----\nComment: of the CA\nX-Other: 1\n\nMI'),
    'with headers and no empty line': (text) => text.replaceAll('ATE-----\nMI', 'ATE-----\nComment: of the CA\nMI'),
    'with comments between': (text) => `# leaf first\n${text.replaceAll('-----BEGIN', '# next\n-----BEGIN')}`,
    'with the description before each': (text) =>
      text.replaceAll('-----BEGIN', 'Certificate:\n    Data:\n        Version: 3 (0x2)\n-----BEGIN'),
    'two in one block': () => pem(Buffer.concat([device.certificateDer, authority.certificateDer])),
    'two in one DER file': () => Buffer.concat([device.certificateDer, authority.certificateDer]),
    'in DER with a newline after it': () =>
      Buffer.concat([device.certificateDer, authority.certificateDer, Buffer.from('\r\n')]),
    'as trusted certificates': (text) =>
      text.replaceAll(' CERTIFICATE', ' TRUSTED CERTIFICATE').replace(device.certificatePem, ''),
  };

  it.each(Object.entries(layouts))('%s', async (_, layout) => {
    const { identity, warnings } = await load({ certificate: layout(both), privateKey: device.keyPem });
    expect(identity.certificate).toEqual(device.certificateDer);
    expect(identity.chain).toEqual([authority.certificateDer]);
    expect(warnings).toEqual([]);
  });

  it('with an encrypted key whose block has other line ends', async () => {
    const secret = 'geheim';
    const key = device.privateKey
      .export({ format: 'pem', type: 'sec1', cipher: 'aes-128-cbc', passphrase: secret })
      .toString();
    for (const privateKey of [key.replaceAll('\n', '\r'), `${both.trim()}${key}`])
      expect((await load({ certificate: both, privateKey, secret })).identity.certificate).toEqual(
        device.certificateDer,
      );
  });

  it('with OpenSSL trust settings after the certificate in its block', async () => {
    const trusted = pem(
      Buffer.concat([authority.certificateDer, Buffer.from('30030c0161', 'hex')]),
      'TRUSTED CERTIFICATE',
    );
    const { identity } = await load({ certificate: device.certificatePem + trusted, privateKey: device.keyPem });
    expect(identity.chain).toEqual([authority.certificateDer]);
  });

  it('with the intermediate in the file of the key', async () => {
    const privateKey = device.keyPem + authority.certificatePem;
    const { identity } = await load({ certificate: device.certificatePem, privateKey });
    expect(identity.chain).toEqual([authority.certificateDer]);
  });
});

describe('rejects a damaged or foreign file with the reason', () => {
  const files: Record<string, [(text: string) => string | Buffer, string, RegExp]> = {
    'escaped line breaks': [
      (text) => text.replaceAll('\n', '\\n'),
      'PEM_LINE_BREAKS_ESCAPED',
      /CERTIFICATE on line 1 .*\\n/,
    ],
    'JSON of Vault': [
      (text) => JSON.stringify({ data: { certificate: text } }, null, 2),
      'PEM_LINE_BREAKS_ESCAPED',
      /JSON/,
    ],
    'a string per line': [
      (text) => text.replaceAll(/^MI.*$/gm, '"$&",'),
      'PEM_BLOCK_MALFORMED',
      /line 1 is not base64: it has the character "\\"", as text in JSON or in quotes/,
    ],
    'quoted mail': [(text) => text.replaceAll(/^(?!-)/gm, '> '), 'PEM_BLOCK_MALFORMED', /character ">"/],
    'URL encoding': [(text) => text.replaceAll('\n', '%0A'), 'PEM_BLOCK_MALFORMED', /character "%"/],
    'an ellipsis': [(text) => text.replace(/^MI.{20}/m, 'MI...'), 'PEM_BLOCK_MALFORMED', /character "\."/],
    'an END that lost a hyphen': [
      (text) => text.replace('CATE-----\n-----B', 'CATE----\n-----B'),
      'PEM_BLOCK_UNFINISHED',
      /line 1 /,
    ],
    'a BEGIN that lost a hyphen': [
      (text) => text.replace('CATE-----\n-----BEGIN', 'CATE-----\n----BEGIN'),
      'PEM_BLOCK_UNFINISHED',
      /"----BEGIN CERTIFICATE-----/,
    ],
    'one hyphen lost where they were joined': [
      (text) => text.replace('-----\n-----BEGIN', '---------BEGIN'),
      'PEM_BLOCK_UNFINISHED',
      /"----BEGIN CERTIFICATE/,
    ],
    'dashes of a word processor': [(text) => text.replaceAll('-----', '—'), 'PEM_BLOCK_UNFINISHED', /five hyphens/],
    'small letters': [
      (text) =>
        text.replaceAll('BEGIN CERTIFICATE', 'begin certificate').replaceAll('END CERTIFICATE', 'end certificate'),
      'PEM_BLOCK_UNFINISHED',
      /begin certificate/,
    ],
    'a second block cut off': [(text) => text.slice(0, -60), 'PEM_BLOCK_UNFINISHED', /line \d+ has no proper end/],
    'a block of another label inside': [
      (text) => text.replace('-----END CERTIFICATE-----', '-----END X509 CERTIFICATE-----'),
      'PEM_BLOCK_UNFINISHED',
      /CERTIFICATE on line 1/,
    ],
    'a block without content': [
      (text) => `${text}-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n`,
      'PEM_BLOCK_MALFORMED',
      /is empty/,
    ],
    'missing characters': [(text) => text.replace(/^MI..../m, 'MI'), 'CERTIFICATE_MALFORMED', /certificate 1 of/],
    'base64 that goes on after its padding': [
      (text) => text.replace(/^MI.*\n/m, '$&AA==\n'),
      'PEM_BLOCK_MALFORMED',
      /continues after its end/,
    ],
    'bytes after a certificate': [
      () => both + pem(Buffer.concat([authority.certificateDer, Buffer.from('0500', 'hex')])),
      'CERTIFICATE_MALFORMED',
      /2 bytes follow the certificate/,
    ],
    'bytes after a certificate in DER': [
      () => Buffer.concat([device.certificateDer, Buffer.from('garbage')]),
      'CERTIFICATE_MALFORMED',
      /7 bytes follow the certificate/,
    ],
    'PKCS#7 between certificates': [
      (text) => text + pem(Buffer.from('3003020100', 'hex'), 'PKCS7'),
      'IDENTITY_FILE_UNKNOWN_FORMAT',
      /PKCS7 block/,
    ],
    'PKCS#7 in DER': [
      () => Buffer.from('302306092a864886f70d010702a0163014020101310030', 'hex'),
      'IDENTITY_FILE_UNKNOWN_FORMAT',
      /PKCS#7/,
    ],
    'UTF-16': [(text) => Buffer.from(`\uFEFF${text}`, 'utf16le'), 'IDENTITY_FILE_UNKNOWN_FORMAT', /UTF-16/],
    'UTF-16 without its mark': [
      (text) => Buffer.from(text, 'utf16le').swap16(),
      'IDENTITY_FILE_UNKNOWN_FORMAT',
      /UTF-16/,
    ],
    'base64 of the file': [
      (text) => Buffer.from(text).toString('base64'),
      'IDENTITY_FILE_UNKNOWN_FORMAT',
      /base64 of a PEM file/,
    ],
    'base64 without its lines': [
      () => device.certificateDer.toString('base64'),
      'IDENTITY_FILE_UNKNOWN_FORMAT',
      /without BEGIN and END/,
    ],
    'white space': [() => '\r\n \n', 'IDENTITY_FILE_UNKNOWN_FORMAT', /only white space/],
    'a Kubernetes secret': [
      (text) => `apiVersion: v1\ndata:\n  tls.crt: ${Buffer.from(text).toString('base64')}\n`,
      'IDENTITY_FILE_UNKNOWN_FORMAT',
      /a Kubernetes secret: `kubectl get secret/,
    ],
    'percent-encoded': [(text) => encodeURIComponent(text), 'IDENTITY_FILE_UNKNOWN_FORMAT', /percent-encoded/],
    'a web page': [() => '<!DOCTYPE html><title>Sign in</title>', 'IDENTITY_FILE_UNKNOWN_FORMAT', /web page/],
    'JSON without PEM': [() => '{"errors":[]}', 'IDENTITY_FILE_UNKNOWN_FORMAT', /JSON/],
    'a Java key store': [
      () => Buffer.from('feedfeed00000002', 'hex'),
      'IDENTITY_FILE_UNKNOWN_FORMAT',
      /keytool -importkeystore/,
    ],
    'an SSH key': [() => 'ssh-ed25519 AAAAC3Nz me@host\n', 'IDENTITY_FILE_UNKNOWN_FORMAT', /SSH public key/],
    'a description only': [
      () => 'Certificate:\n    Data:\n        Version: 3\n',
      'IDENTITY_FILE_UNKNOWN_FORMAT',
      /the text of a certificate/,
    ],
  };

  it.each(Object.entries(files))('%s', async (_, [change, code, reason]) => {
    const loading = load({ certificate: change(both), privateKey: device.keyPem });
    await expect(loading).rejects.toMatchObject({ code, message: expect.stringMatching(reason) as string });
  });

  it.each([
    ['escaped line breaks', (text: string) => text.replaceAll('\n', '\\n'), 'PEM_LINE_BREAKS_ESCAPED'],
    ['quotes on each line', (text: string) => text.replaceAll(/^MI.*$/gm, "'$&'"), 'PEM_BLOCK_MALFORMED'],
  ])('a key with %s, and not as a defect of the key', async (_, change, code) => {
    await expect(load({ certificate: both, privateKey: change(device.keyPem) })).rejects.toMatchObject({ code });
  });

  it('an encrypted key whose headers run into its content', async () => {
    const encrypted = { format: 'pem', type: 'sec1', cipher: 'aes-128-cbc', passphrase: 'x' } as const;
    const privateKey = device.privateKey.export(encrypted).toString().replaceAll('\n', ' ');
    await expect(load({ certificate: both, privateKey, secret: 'x' })).rejects.toMatchObject({
      code: 'PEM_BLOCK_MALFORMED',
      message: expect.stringContaining('lines of their own') as string,
    });
  });
});

describe('ignored blocks', () => {
  it('are named', async () => {
    const crl = pem(Buffer.from('300a'), 'X509 CRL');
    const request = pem(Buffer.from('300a'), 'CERTIFICATE REQUEST');
    const { warnings } = await load({
      certificate: both + crl,
      privateKey: device.keyPem,
      intermediates: request + both,
    });
    expect(warnings.map(({ code }) => code)).toEqual(['CERTIFICATE_BLOCKS_SKIPPED', 'CERTIFICATE_BLOCKS_SKIPPED']);
    expect(warnings.map(({ message }) => message.replace(/^\S+: /, ''))).toEqual([
      `skipped X509 CRL on line ${both.split('\n').length}`,
      'skipped CERTIFICATE REQUEST on line 1',
    ]);
  });

  it('do not include key parameters and comments', async () => {
    const parameters = pem(Buffer.from('06082a8648ce3d030107', 'hex'), 'EC PARAMETERS');
    const commented = device.certificatePem.replaceAll(/^/gm, '# ');
    const { warnings } = await load({ certificate: `${commented}\n${parameters}${both}`, privateKey: device.keyPem });
    expect(warnings).toEqual([]);
  });
});

describeWith('OpenSSL', hasTool('openssl', 'version'), 'held against OpenSSL', () => {
  const mutations: Record<string, (text: string) => string> = {
    nothing: (text) => text,
    joined: (text) => text.trimEnd(),
    'no line breaks': (text) => text.replaceAll('\n', ''),
    CRLF: (text) => text.replaceAll('\n', '\r\n'),
    indented: (text) => text.replaceAll(/^/gm, '  '),
    headed: (text) => text.replace('-----\n', '-----\nComment: x\n\n'),
    'a short END': (text) => text.replace(/-----\n$/, '----\n'),
    'a short BEGIN': (text) => text.slice(1),
    'a lost line': (text) => text.replace(/\n.*\n/, '\n'),
    'an odd character': (text) => text.replace(/\nMI/, '\nM!I'),
    'old label': (text) => text.replaceAll('CERTIFICATE', 'X509 CERTIFICATE'),
    'trailing bytes': (text) => pem(Buffer.concat([derOf(text), Buffer.from([5, 0])])),
    'escaped breaks': (text) => text.replaceAll('\n', '\\n'),
    'text around': (text) => `Bag Attributes\n    localKeyID: 01\n${text}subject=CN = x\n`,
  };
  const whole = new Set([
    'nothing',
    'joined',
    'no line breaks',
    'CRLF',
    'indented',
    'headed',
    'old label',
    'text around',
  ]);

  it('finds every certificate that OpenSSL finds, and all in undamaged files', { timeout: 60_000 }, async () => {
    const names = fc.array(fc.constantFrom(...Object.keys(mutations)), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(names, async (chosen) => {
        const text = chosen
          .map(
            (name, index) =>
              mutations[name]?.(index % 2 === 0 ? device.certificatePem : authority.certificatePem) ?? '',
          )
          .join('');
        const read = await certificatesRead(text);
        const isWhole = chosen.every((name) => whole.has(name));
        if (isWhole) expect(read).toHaveLength(chosen.length);
        for (const found of foundByOpenssl(text)) expect(read ?? [found]).toContain(found);
      }),
      { numRuns: 120, seed: 20261130 },
    );
  });

  function derOf(text: string): Buffer {
    return Buffer.from(text.replaceAll(/-----.*-----/g, ''), 'base64');
  }

  /** Base64 of each; undefined where the file is rejected. */
  async function certificatesRead(text: string): Promise<string[] | undefined> {
    try {
      const content = await readIdentityContent(
        { path: 'f', content: Buffer.from(text), mode: 0o600, owner: 0 },
        undefined,
      );
      return content.certificates.map((der) => der.toString('base64'));
    } catch (error) {
      if (error instanceof CodedError) return undefined;
      throw error;
    }
  }

  function foundByOpenssl(text: string): string[] {
    const [input, output] = [writeFile(text), writeFile('')];
    try {
      execFileSync('openssl', ['storeutl', '-certs', '-out', output, input], { stdio: 'ignore' });
    } catch {
      // It stops at the first damaged block; what it found before counts.
    }
    const blocks = readFileSync(output, 'utf8').match(/-----BEGIN CERTIFICATE-----[^]*?-----END/g) ?? [];
    return blocks.map((block) => Buffer.from(block.replaceAll(/-----.*/g, ''), 'base64').toString('base64'));
  }
});
