import { describe, expect, it } from 'vitest';
import { x509 } from '../../src/emulator/account/x509.ts';
import { readName } from '../../src/identity/distinguished-name.ts';
import { der, sequence } from './der-writer.ts';

const COMMON_NAME = '550403';
const hex = (text: string): string => Buffer.from(text).toString('hex');
const attribute = (type: string, tag: string, value: string): Buffer => sequence(der('06', type), der(tag, value));
const relative = (...attributes: readonly Buffer[]): Buffer =>
  Buffer.from(der('31', Buffer.concat(attributes).toString('hex')), 'hex');
const named = (tag: string, value: string): Buffer => sequence(relative(attribute(COMMON_NAME, tag, value)));

const NAMES: readonly [string, Buffer, string][] = [
  ['nothing', sequence(), ''],
  ['UTF8String', named('0c', hex('Gerät 1')), 'CN=Gerät 1'],
  ['PrintableString', named('13', hex('device 1')), 'CN=device 1'],
  ['TeletexString', named('14', '47657261e474'), 'CN=Geraät'],
  ['IA5String', named('16', hex('a@example.com')), 'CN=a@example.com'],
  ['BMPString', named('1e', '00470065007200e40074'), 'CN=Gerät'],
  ['UniversalString', named('1c', '00000047000000e4'), 'CN=Gä'],
  ['NumericString', named('12', hex('123')), 'CN=#1203313233'],
  ['a SEQUENCE', named('30', '0500'), 'CN=#30020500'],
  ['an empty value', named('0c', ''), 'CN='],
  ['special characters', named('0c', hex('a,b+c"d\\e<f>g;h=i')), 'CN=a\\,b\\+c\\"d\\\\e\\<f\\>g\\;h=i'],
  ['spaces at the ends', named('0c', hex(' a b ')), 'CN=\\ a b\\ '],
  ['a number sign', named('0c', hex('#a#')), 'CN=\\#a#'],
  ['a line break', named('0c', hex('a\nb')), 'CN=a\\0Ab'],
  ['a type without a name', sequence(relative(attribute('0992268993f22c640101', '0c', hex('me')))), ''],
  [
    'several attributes',
    sequence(
      relative(attribute('0992268993f22c640119', '16', hex('com'))),
      relative(attribute('550406', '13', hex('DE')), attribute('55040a', '0c', hex('Example'))),
      relative(attribute('55040b', '0c', hex('one')), attribute('55040b', '0c', hex('two'))),
      relative(attribute(COMMON_NAME, '0c', hex('device'))),
    ),
    'DC=com, C=DE+O=Example, OU=one+OU=two, CN=device',
  ],
];

describe('a distinguished name', () => {
  it.each(NAMES)('with %s is read like @peculiar/x509 reads it', (_, name, text) => {
    const oracle = new x509.Name(name);
    const read = readName(name);
    expect(read.text).toBe(oracle.toString());
    if (text) expect(read.text).toBe(text);
    expect(read.attributes).toEqual(
      oracle
        .toJSON()
        .flatMap((one) => Object.entries(one).flatMap(([type, values]) => values.map((value) => ({ type, value })))),
    );
  });

  it('escapes every line break', () => {
    expect(readName(named('0c', hex('a\r\nb'))).text).toBe('CN=a\\0D\\0Ab');
  });

  it('reads characters beyond the first 65536', () => {
    expect(readName(named('1c', '000000470001f600')).text).toBe('CN=G😀');
    expect(readName(named('1c', '00110000')).text).toBe('CN=\uFFFD');
    expect(readName(named('1c', '0010ffff')).text).toBe('CN=\u{10FFFF}');
  });

  it('reads Latin-1 that is marked as UTF-8', () => {
    expect(readName(named('0c', '47e474')).text).toBe('CN=Gät');
  });

  it.each([
    ['no SEQUENCE', Buffer.from('0500', 'hex'), 'not a name'],
    ['no SET in it', sequence(sequence()), 'not a relative distinguished name'],
    ['an attribute without anything', sequence(relative(sequence())), 'not an attribute of a name'],
    [
      'an attribute without a value',
      sequence(relative(sequence(der('06', COMMON_NAME)))),
      'not an attribute of a name',
    ],
    [
      'an attribute without a type',
      sequence(relative(sequence(der('0c', '41'), der('0c', '41')))),
      'not an attribute of a name',
    ],
    ['a SET that is cut off', Buffer.from('30023105', 'hex'), 'cut off'],
  ])('is rejected: %s', (_, name, reason) => {
    expect(() => readName(name)).toThrow(reason);
  });
});
