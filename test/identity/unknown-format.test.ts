import { describe, expect, it } from 'vitest';
import { isPkcs12Start, recognisedFormat } from '../../src/identity/unknown-format.ts';

const PEM = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n';
const base64 = (content: string | Buffer): string => Buffer.from(content).toString('base64');
const hex = (digits: string): Buffer => Buffer.from(digits, 'hex');
const utf16 = (text: string): Buffer => Buffer.from(text, 'utf16le');
const SIGNED_DATA = '06092a864886f70d010702';

describe('a file that is not supported is recognised as', () => {
  it.each<[string, RegExp, readonly (string | Buffer)[]]>([
    [
      'UTF-16',
      /UTF-16/,
      [
        utf16(`\uFEFF${PEM}`),
        utf16(`\uFEFF${PEM}`).swap16(),
        utf16(PEM),
        utf16(PEM).swap16(),
        utf16(`\uFEFFGröße: 世界`),
        utf16(`${'a'.repeat(32)}世`),
      ],
    ],
    ['a Java key store', /JKS/, [hex('feedfeed00000002'), hex('cececece00000002')]],
    ['compressed', /compressed/, [hex('1f8b0800'), hex('504b030414'), hex('28b52ffd04'), hex('425a6839')]],
    ['a PuTTY key', /PuTTY/, ['PuTTY-User-Key-File-3: ecdsa-sha2-nistp256\n']],
    [
      'an SSH key',
      /SSH public/,
      ['ssh-rsa AAAAB3Nz me@host\n', 'ecdsa-sha2-nistp256 AAAA\n', '\uFEFFssh-ed25519 AAAA'],
    ],
    ['a web page', /web page/, ['<!DOCTYPE html><title>', '\r\n  <html>', '<HTML>', '<?xml version="1.0"?>']],
    ['a description', /text of a certificate/, ['Certificate:\n    Data:\n', '\n Certificate: Data:']],
    ['white space', /white space/, ['\r\n \t\n', ' ', '\uFEFF']],
    [
      'a Kubernetes secret',
      /Kubernetes secret/,
      [
        `data:\n  tls.crt: ${base64(PEM)}`,
        `{\n  "ca-1.crt": "${base64(PEM)}"`,
        `tls_key:  '${base64(PEM)}'`,
        `key:${base64(PEM)}`,
        JSON.stringify({ data: { 'tls.crt': base64(PEM) } }),
      ],
    ],
    ['percent-encoded', /percent-encoded/, [encodeURIComponent(PEM), `cert=${encodeURIComponent(PEM)}`]],
    [
      'base64 of PEM',
      /base64 of a PEM/,
      [
        base64(PEM),
        base64(PEM).replaceAll(/.{20}/g, '$&\r\n'),
        `"${base64(PEM)}"\n`,
        `'${base64(PEM)}'`,
        base64(`subject=x\n${PEM}`),
      ],
    ],
    ['base64 of PKCS#12', /base64 of a PKCS#12/, [base64(hex('308203e702010330820000'))]],
    [
      'base64 of DER',
      /base64 without BEGIN/,
      [base64(hex('308203e7a003020102020100')), base64(hex(`3082fbefbe${'ff'.repeat(8)}`))],
    ],
    ['JSON', /JSON/, ['{"errors":[]}', ' [{}]']],
    ['PKCS#7', /PKCS#7/, [hex(`3023${SIGNED_DATA}a016`), hex(`30820123${SIGNED_DATA}a0`)]],
  ])('%s', (_, what, contents) => {
    for (const content of contents) expect(recognisedFormat(Buffer.from(content))).toMatch(what);
  });

  it.each<[string, string | Buffer]>([
    ['text', 'hello'],
    ['text that has the beginning of others', 'a ssh- <html Certificate: Data: PuTTY-User-Key-File {[ LS0t'],
    ['a byte order mark within a word', 's\uFEFFsh-rsa AAAA'],
    ['base64 with a quotation mark within', base64(PEM).replace(/.{20}/, '$&"')],
    ['a name of an SSH key', 'sshd-config'],
    ['other elements of XML', '<svg>'],
    ['a key without a name', ': LS0tLS1CRUdJTg'],
    ['a value that is not base64 of PEM', 'tls.crt: TUlJQg'],
    ['short base64', 'MIIBAQ=='],
    ['base64 of 15 characters', 'MIIBAQAAAAAAAAA'],
    ['base64 of something else', base64('a text that is no key at all')],
    ['base64 in braces', `(${base64(PEM)})`],
    ['base64 that goes on after its end', `${base64('-----BEGIN CERTIFICATE')}==x`],
    ['the marks of UTF-16 without a zero', hex('fffe414243')],
    ['zero bytes here and there', hex('4100420043444500')],
    ['zeros after the beginning', Buffer.concat([Buffer.alloc(64, 0x41), Buffer.alloc(64)])],
    ['a name of PKCS#7 further on', hex(`30820123${'0500'.repeat(8)}${SIGNED_DATA}`)],
    ['a name of PKCS#7 in something else', hex(`3123${SIGNED_DATA}`)],
    ['the beginning of a beginning', hex('1f8c')],
  ])('nothing: %s', (_, content) => {
    expect(recognisedFormat(Buffer.from(content))).toBeUndefined();
  });
});

describe('PKCS#12 is recognised', () => {
  it.each([
    ['with a short length', '301002010330', true],
    ['with a length of one byte', '3081ff02010330', true],
    ['with a length of two bytes', '308203e702010330', true],
    ['without a length (BER)', '308002010330', true],
    ['but not in another version', '301002010230', false],
    ['but not without content after the version', '3003020103', false],
    ['but not in a SET', '311002010330', false],
    ['but not in a certificate', '308203e73082', false],
    ['but not in nothing', '', false],
  ])('%s', (_, content, expected) => {
    expect(isPkcs12Start(hex(content))).toBe(expected);
  });
});
