import { describe, expect, it } from 'vitest';
import {
  certificatesOnToken,
  selectorFile,
  selectorFromJson,
  selectorFromText,
} from '../../src/migration/cert-selector.ts';

describe('--cert-selector', () => {
  it.each([
    ['Key=x509Subject,Value=CN=a,O=b', { subject: 'CN=a,O=b' }],
    [
      ' Key=x509Issuer,Value=CN=Root CA,O=b  Key=x509Serial,Value=0A4F Key=x509Subject,Value=CN=a=b',
      { issuer: 'CN=Root CA,O=b', serial: '0A4F', subject: 'CN=a=b' },
    ],
  ])('%s', (written, selector) => {
    expect(selectorFromText(written)).toEqual(selector);
  });

  it.each([
    ['', 'not of the form'],
    ['marked', 'not of the form'],
    ['Key=x509Subject', 'not of the form'],
    ['Key=x509Subject,value=marked', 'not of the form'],
    ['Value=marked,Key=x509Subject', 'not of the form'],
    ['Key=x509Name,Value=marked', 'another Key than x509Subject, x509Issuer, x509Serial'],
    ['Key=toString,Value=marked', 'another Key'],
    ['Key=x509Serial,Value=1 Key=x509Serial,Value=2', 'x509Serial is there twice'],
  ])('is rejected as %j', (written, problem) => {
    expect(selectorFromText(written)).toContain(problem);
    expect(selectorFromText(written)).not.toContain('marked');
  });

  it('is in a file', () => {
    expect(selectorFile('file://a b.json')).toBe('a b.json');
    expect(selectorFile('Key=x509Subject,Value=CN=file://x')).toBeUndefined();
    const entries = [
      { Key: 'x509Serial', Value: '0a4f' },
      { Key: 'x509Subject', Value: 'CN=a Key=b' },
    ];
    expect(selectorFromJson(JSON.stringify(entries))).toEqual({ serial: '0a4f', subject: 'CN=a Key=b' });
  });

  it.each([
    ['{', 'not a list in JSON'],
    ['{"Key":"x509Serial","Value":"1"}', 'not a list in JSON'],
    ['[]', 'no entry'],
    ['[null]', 'not of the form {"Key"'],
    ['[{"Key":"x509Serial","Value":1}]', 'not of the form {"Key"'],
    ['[{"Key":"__proto__","Value":"1"}]', 'another Key'],
  ])('in a file is rejected as %s', (content, problem) => {
    expect(selectorFromJson(content)).toContain(problem);
  });
});

it.each([
  ['pkcs11:token=t;object=o', 'pkcs11:token=t'],
  ['pkcs11:id=%01;serial=7;type=private?pin-value=1234&module-path=/m.so', 'pkcs11:serial=7?module-path=/m.so'],
  ['PKCS11:object=o?pin-source=/pin', 'pkcs11:'],
  ['device.key', undefined],
  ['handle:0x81010001', undefined],
])('the certificates on the token of %s', (key, certificates) => {
  expect(certificatesOnToken(key)).toBe(certificates);
});
