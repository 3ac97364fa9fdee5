// How a file is split into blocks. pem.test.ts has whole files, as they are in the field.
import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { isEncryptedPem, type PemBlock, pemBlocks, pemDer, pemOf, pemText } from '../../src/identity/pem.ts';

const block = (label: string, ...lines: readonly string[]): string =>
  [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n');
const X = block('X', 'QUJD');
const found = (text: string): Partial<PemBlock>[] => pemBlocks(text, 'f');

function faultOf(text: string): { code: string; message: string } {
  try {
    pemBlocks(text, 'f');
  } catch (error) {
    return error as { code: string; message: string };
  }
  throw new Error('it was read');
}

describe('a block', () => {
  it.each([
    ['', []],
    ['no block\n', []],
    [X, [1]],
    [`\n${X}`, [2]],
    [`one\r\ntwo\r\n${X}`, [3]],
    [`one\rtwo\r${X}`, [3]],
    [`# one\n  # two\n${X}\n${X}`, [3, 7]],
    [X.replaceAll('\n', '') + X, [1, 1]],
    [`${X}# ${X.replaceAll('\n', '\n# ')}\n${X}`, [1, 8]],
  ])('is found with its line: %j', (text, lines) => {
    expect(found(text)).toEqual(lines.map((line) => ({ label: 'X', line, headers: [], base64: 'QUJD' })));
  });

  it.each(['X', 'X509 CRL', 'PKCS #7 SIGNED DATA', 'A.B', 'A'.repeat(64)])('may have the label %s', (label) => {
    expect(found(block(label, 'QUJD'))).toMatchObject([{ label }]);
  });

  it.each(['', 'x', 'A_B', 'A'.repeat(65)])('cannot have the label %j', (label) => {
    expect(found(block(label, 'QUJD'))).toEqual([]);
  });

  it('is commented out only by a number sign at the begin of a line', () => {
    expect(found(`text # ${X}`)).toHaveLength(1);
    expect(found(block('X', ' # a comment', 'QUJD', '#'))).toMatchObject([{ base64: 'QUJD' }]);
    expect(faultOf(block('X', 'QUJD # no comment')).code).toBe('PEM_BLOCK_MALFORMED');
  });

  it('is decoded', () => {
    expect(pemBlocks(X, 'f').map((one) => pemDer(one).toString())).toEqual(['ABC']);
  });
});

describe('the headers of a block', () => {
  it.each([
    ['before an empty line', ['A: 1', 'B: 2', '', 'QUJD'], ['A: 1', 'B: 2']],
    ['before an empty line, with a part on a line of its own', ['A: 1', '  and 2', '', 'QUJD'], ['A: 1', 'and 2']],
    ['without an empty line', ['A: 1', 'B: 2', 'QUJD'], ['A: 1', 'B: 2']],
    ['without one, an empty line at the end', ['A: 1', 'QUJD', '', ' '], ['A: 1']],
    ['after empty lines', ['', ' ', 'A: 1', '', 'QUJD'], ['A: 1']],
    ['before a line of spaces', ['A: 1', '  ', 'QU', '', 'JD'], ['A: 1']],
    ['nowhere, but empty lines', ['', 'QU', '', 'JD', ''], []],
  ])('are read %s', (_, lines, headers) => {
    expect(found(block('X', ...lines))).toEqual([{ label: 'X', line: 1, headers, base64: 'QUJD' }]);
  });

  it('are read if the end is on the last line of the content', () => {
    expect(found('-----BEGIN X-----\nA: 1\nQUJD-----END X-----')).toMatchObject([
      { headers: ['A: 1'], base64: 'QUJD' },
    ]);
  });

  it.each([
    [['Proc-Type: 4,ENCRYPTED', 'DEK-Info: AES-128-CBC,00'], true],
    [['DEK-Info: AES-128-CBC,00', 'Proc-Type: 4,ENCRYPTED'], true],
    [['Proc-Type: 4,MIC-CLEAR'], false],
    [['Comment: Proc-Type: 4,ENCRYPTED'], false],
    [[], false],
  ])('say whether it is encrypted: %j', (headers, is) => {
    expect(isEncryptedPem({ label: 'X', line: 1, headers, base64: 'QUJD' })).toBe(is);
  });
});

describe('a block is rejected', () => {
  it.each([
    ['without its end', '-----BEGIN X-----\nQUJD\n', 'X on line 1'],
    ['without its end, before another', `text\n-----BEGIN Y-----\nQUJD\n${X}`, 'Y on line 2'],
    ['without its begin', `${X}QUJD\n-----END Y-----\n`, 'Y on line 5'],
    ['without its begin, but two ends', '-----END X-----\nQUJD\n-----END X-----\n', 'X on line 1'],
    ['with the end of another', '\n-----BEGIN X-----\nQUJD\n-----END Y-----\n', 'X on line 2'],
  ])('%s', (_, text, where) => {
    expect(faultOf(text)).toMatchObject({
      code: 'PEM_BLOCK_UNFINISHED',
      message: `f: the block ${where} has no proper end`,
    });
  });

  it.each([
    ['', 'is empty'],
    ['A: 1', 'has nothing after its headers, which need lines of their own'],
    ['QUJD!', 'is not base64: it has the character "!"'],
    ['QUJD"', 'is not base64: it has the character "\\"", as text in JSON or in quotes has'],
    ["'QUJD'", `is not base64: it has the character "'", as text in JSON or in quotes has`],
    ['QUJD,', 'is not base64: it has the character ",", as text in JSON or in quotes has'],
    ['QUJD😀', 'is not base64: it has the character "😀"'],
    ['QUJDRA==QUJD', 'is not base64: it continues after its end, so another block may be joined to it'],
    ['QUJDR', 'is not base64: a part of it is missing'],
    ['QUJDR===', 'is not base64: a part of it is missing'],
  ])('with the content %j', (content, what) => {
    expect(faultOf(block('X', content))).toMatchObject({
      code: 'PEM_BLOCK_MALFORMED',
      message: `f: the block X on line 1 ${what}`,
    });
  });

  it.each(['QU\\nJD', 'QU\\r\\nJD', 'QU\\rJD', 'A: 1\\nB: 2\n\nQUJD'])('with escaped line breaks: %j', (content) => {
    expect(faultOf(block('X', content)).code).toBe('PEM_LINE_BREAKS_ESCAPED');
  });

  it.each(['QUJD', 'QUJDRA', 'QUJDRA==', 'QUJDREU=', 'QUJDREU', 'ab+/', '\t QU JD\v'])('but not with %j', (content) => {
    expect(found(block('X', content))).toHaveLength(1);
  });
});

describe('a damaged boundary', () => {
  it.each([
    '-BEGIN CERTIFICATE',
    '----- BEGIN CERTIFICATE -----',
    '‐END PRIVATE KEY‐',
    '—End Certificate—',
    '―――――BEGIN PKCS7―――――',
    '----begin x509 crl----',
    `-BEGIN ${'A'.repeat(48)}KEY`,
  ])('is named: %s', (damaged) => {
    const named = (line: number) => ({
      code: 'PEM_BLOCK_UNFINISHED',
      message: expect.stringContaining(`"${damaged}" above line ${line} `) as string,
    });
    expect(faultOf(`\n ${damaged} \nQUJD\n`)).toMatchObject(named(4));
    expect(faultOf(`${damaged}\n${X}`)).toMatchObject(named(2));
    expect(faultOf(`${X}${damaged}`)).toMatchObject(named(4));
  });

  it('is shown without what follows it', () => {
    expect(faultOf('-BEGIN CERTIFICATE 234567890x').message).toContain('"-BEGIN CERTIFICATE 234567890" above line 1 ');
  });

  it.each([
    'BEGIN CERTIFICATE',
    '-BEGINS CERTIFICATE',
    '-BEGIN',
    '-BEGIN of the list',
    '-  BEGIN CERTIFICATE',
    `-BEGIN ${'A'.repeat(49)}KEY`,
    '-BEGIN of_KEY',
    '# -BEGIN CERTIFICATE',
  ])('is not: %s', (text) => {
    expect(found(`${text}\n${X}${text}`)).toHaveLength(1);
  });
});

describe('PEM text', () => {
  it('has the form that OpenSSL writes', () => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 1024 });
    const [der, theirs] = [
      privateKey.export({ format: 'der', type: 'pkcs8' }),
      privateKey.export({ format: 'pem', type: 'pkcs8' }),
    ];
    expect(pemOf('PRIVATE KEY', der)).toBe(theirs);
    expect(pemOf('X', Buffer.alloc(0))).toBe('-----BEGIN X-----\n-----END X-----\n');
  });

  it('has an empty line after the headers', () => {
    const cipher = { cipher: 'aes-128-cbc', passphrase: 'geheim' };
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const theirs = privateKey.export({ format: 'pem', type: 'sec1', ...cipher }).toString();
    expect(pemBlocks(theirs, 'f').map(pemText)).toEqual([theirs]);
  });
});
