// The bytes of a name. certificate-request.test.ts shows how OpenSSL reads it, and what is rejected.
import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { readName } from '../../src/identity/distinguished-name.ts';
import { nameFromText } from '../../src/identity/name-from-text.ts';
import { describeWith, hasTool } from '../support/tools.ts';
import { der, sequence } from './der-writer.ts';

const CN = '550403';
const hex = (text: string): string => Buffer.from(text).toString('hex');
const attribute = (type: string, tag: string, value: string): string =>
  sequence(der('06', type), der(tag, hex(value))).toString('hex');
const name = (...relative: readonly string[]): Buffer => sequence(...relative.map((one) => der('31', one)));
const commonName = (value: string): Buffer => name(attribute(CN, '0c', value));

describeWith('OpenSSL', hasTool('openssl', 'version'), 'the names of attributes', () => {
  const subject = [
    ...['CN', 'commonName', 'SN', 'surname', 'serialNumber', 'C', 'countryName', 'L', 'localityName', 'ST'],
    ...['stateOrProvinceName', 'street', 'streetAddress', 'O', 'organizationName', 'OU', 'organizationalUnitName'],
    ...['title', 'description', 'businessCategory', 'postalCode', 'name', 'GN', 'givenName', 'initials'],
    ...['generationQualifier', 'dnQualifier', 'pseudonym', 'organizationIdentifier', 'UID', 'userId', 'DC'],
    ...['domainComponent', 'emailAddress'],
  ].map((type) => `/${type}=DE`);

  it('are those of OpenSSL, in any case, with the same types of text', () => {
    const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', '/dev/null'];
    const args = ['req', '-new', ...newKey, '-utf8', '-subj', subject.join(''), '-outform', 'DER'];
    const theirs = execFileSync('openssl', args, { stdio: 'pipe' });
    expect(theirs.includes(nameFromText(subject.join('')))).toBe(true);
    const inAnyCase = subject.map((one) => (one.length % 2 === 0 ? one.toUpperCase() : one.toLowerCase()).slice(0, -2));
    expect(theirs.includes(nameFromText(inAnyCase.map((one) => `${one}DE`).join('')))).toBe(true);
  });
});

describe('the names of attributes', () => {
  it.each(['CN', 'SN', 'L', 'ST', 'O', 'OU', 'T', 'G', 'I', 'DC', 'E'])('include %s, as a name is shown', (type) => {
    expect(readName(nameFromText(`${type}=a`)).attributes).toEqual([{ type, value: 'a' }]);
  });

  it.each([
    ['0.39', '27'],
    ['1.39.1', '4f01'],
    ['1.0', '28'],
    ['2.999.3', '883703'],
    ['2.5.4.3', CN],
  ])('may be the OID %s', (type, content) => {
    expect(nameFromText(`${type}=a`)).toEqual(name(attribute(content, '0c', 'a')));
  });

  it.each([
    '0.40',
    '1.40.1',
    '3.1',
    '0.391',
    '1.2.',
    '.1',
    '1',
    '5',
    '1..2',
    'C N',
    'CN,',
    '-',
    '1a',
    'CN.1',
    'ü',
    '!CN',
    '10.1',
  ])('cannot be %j', (type) => {
    expect(() => nameFromText(`${type}=a`)).toThrow(expect.objectContaining({ code: 'SUBJECT_MALFORMED' }) as Error);
  });
});

describe('a value', () => {
  it.each([
    ['a', 'a'],
    [' \t a b \n', 'a b'],
    ['\\ a\\ ', ' a '],
    ['a\\ \\  ', 'a  '],
    ['\\\\', '\\'],
    ['\\C3\\BC\\c3\\bc', 'üü'],
    ['a\\2Cb', 'a,b'],
    ['\\gb\\az', 'gbaz'],
    ['\\,\\+\\"\\;\\<\\>\\=\\#', ',+";<>=#'],
    ['a=b', 'a=b'],
    ['"a, b + c"', 'a, b + c'],
    [' "a" ', 'a'],
    ['" a "', ' a '],
    ['"a\\"b"', 'a"b'],
    ['a "b" c', 'a "b" c'],
    ['"a" b', '"a" b'],
    ['a "b"', 'a "b"'],
    ['a\nb', 'a\nb'],
    ['a\\\nb', 'a\nb'],
    ['"a\nb"', 'a\nb'],
    ['\uFEFFa', 'a'],
    ['\\EF\\BB\\BFa', '\uFEFFa'],
    ['😀\\😀', '😀😀'],
    ['a#b', 'a#b'],
    ['\\#61', '#61'],
  ])('is read from %j', (written, value) => {
    expect(nameFromText(`CN=${written}`)).toEqual(commonName(value));
  });

  it.each([
    ['#0c0161', '0c0161'],
    [' #0C0161\t', '0c0161'],
    ['#1E020061', '1e020061'],
    ['#0500', '0500'],
  ])('may be given in DER: %j', (written, content) => {
    const expected = sequence(der('31', sequence(der('06', CN), content).toString('hex')));
    expect(nameFromText(`CN=${written}`)).toEqual(expected);
  });

  it.each([
    '#',
    '#0',
    '#0c01',
    '#0c01610',
    '#0c016161',
    '#0c0161 61',
    ' #zz',
    '#0c0161z',
    '#0c0161\n#',
    '\\C3',
    '\\ff',
    '\\',
    'a\\',
  ])('is rejected as %j', (written) => {
    expect(() => nameFromText(`CN=${written}`)).toThrow(
      expect.objectContaining({ code: 'SUBJECT_MALFORMED' }) as Error,
    );
  });

  it.each([
    ['serialNumber', '550405', '13', "Az09 '()+,./:=?-"],
    ['dnQualifier', '55042e', '13', 'a'],
    ['C', '550406', '13', 'de'],
    ['DC', '0992268993f22c640119', '16', ' !~_@*'],
    ['E', '2a864886f70d010901', '16', 'a@b'],
    ['O', '55040a', '0c', '\u0001 ü'],
  ])('of %s has its type', (type, oid, tag, value) => {
    const escaped = value.replaceAll(/[ +,]/g, '\\$&');
    expect(nameFromText(`${type}=${escaped}`)).toEqual(name(attribute(oid, tag, value)));
  });

  it.each([
    ...['*', 'a*', '*a', 'ä', 'a\nb'].map((value) => ['serialNumber', value] as const),
    ...['ä', 'aä', 'äa', 'a\u007Fb', 'a\tb'].map((value) => ['DC', value] as const),
    ...['D', 'DEU', 'D1', '1D', '--'].map((value) => ['C', value] as const),
    ...['\\00', 'a\\00', '\\00a'].map((value) => ['O', value] as const),
    ...['', ' ', '""'].map((value) => ['CN', value] as const),
  ])('of %s cannot be %j', (type, value) => {
    expect(() => nameFromText(`${type}=${value}`)).toThrow(
      expect.objectContaining({ code: 'SUBJECT_MALFORMED' }) as Error,
    );
  });
});

describe('the parts of a name', () => {
  const [c, o, cn] = [attribute('550406', '13', 'DE'), attribute('55040a', '0c', 'b'), attribute(CN, '0c', 'a')];

  it.each([
    ['CN=a,O=b,C=DE', name(c, o, cn)],
    ['/C=DE/O=b/CN=a', name(c, o, cn)],
    [' CN = a , O = b ', name(o, cn)],
    ['CN=a+O=b+C=DE', name(cn + o + c)],
    ['C=DE+O=b+CN=a', name(cn + o + c)],
    ['/O=b+CN=a/C=DE', name(cn + o, c)],
    ['CN="a,O=b",O=b', name(o, attribute(CN, '0c', 'a,O=b'))],
    ['CN=a\\,O\\=b', commonName('a,O=b')],
    ['CN=a/O=b', commonName('a/O=b')],
    ['/CN=a,O=b', commonName('a,O=b')],
    ['/CN=a\\/O=b', commonName('a/O=b')],
    ['CN=\\"a,O=b', name(o, attribute(CN, '0c', '"a'))],
    ['CN=a\nb,O=b', name(o, attribute(CN, '0c', 'a\nb'))],
  ])('%j are in the order of the certificate', (text, expected) => {
    expect(nameFromText(text)).toEqual(expected);
  });
});
