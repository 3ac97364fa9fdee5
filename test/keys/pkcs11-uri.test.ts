import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { IdentityConfig } from '../../src/config/config.ts';
import { resolveIdentity } from '../../src/config/resolve-identity.ts';
import { identityIn } from '../../src/config/schema.ts';
import { lockOf, writtenSource } from '../../src/keys/key-source.ts';
import { parsePkcs11Uri } from '../../src/keys/pkcs11/uri.ts';

describe('a PKCS#11 URI', () => {
  // Most are the examples of RFC 7512, section 3.
  it.each([
    ['pkcs11:', {}],
    ['pkcs11:object=my-pubkey;type=public', { object: 'my-pubkey', type: 'public' }],
    [
      'pkcs11:object=my-key;type=private?pin-source=file:/etc/token',
      { object: 'my-key', type: 'private', pinSource: 'file:/etc/token' },
    ],
    [
      'pkcs11:token=The%20Software%20PKCS%2311%20Softtoken;manufacturer=Snake%20Oil,%20Inc.;model=1.0;object=my-certificate;type=cert;id=%69%95%3E%5C%F4%BD%EC%91;serial=?pin-source=file:/etc/token_pin',
      {
        token: 'The Software PKCS#11 Softtoken',
        manufacturer: 'Snake Oil, Inc.',
        model: '1.0',
        object: 'my-certificate',
        type: 'cert',
        id: Buffer.from('69953e5cf4bdec91', 'hex'),
        serial: '',
        pinSource: 'file:/etc/token_pin',
      },
    ],
    [
      'pkcs11:token=Software%20PKCS%2311%20softtoken;manufacturer=Snake%20Oil,%20Inc.?pin-value=the-pin',
      { token: 'Software PKCS#11 softtoken', manufacturer: 'Snake Oil, Inc.', pinValue: 'the-pin' },
    ],
    ['pkcs11:slot-description=Sun%20Metaslot', { slotDescription: 'Sun Metaslot' }],
    [
      'pkcs11:library-manufacturer=Snake%20Oil,%20Inc.;library-description=Soft%20Token%20Library;library-version=1.23',
      {},
    ],
    ['pkcs11:token=My%20token%25%20created%20by%20Joe;library-version=3', { token: 'My token% created by Joe' }],
    ['pkcs11:token=A%20name%20with%20a%20substring%20%25%3B', { token: 'A name with a substring %;' }],
    [
      'pkcs11:token=Name%20with%20a%20small%20A%20with%20acute:%20%C3%A1',
      { token: 'Name with a small A with acute: á' },
    ],
    ['pkcs11:token=my-token;x-vend-aaa=value-a', { token: 'my-token' }],
    ['pkcs11:token=t?x-vend-bbb=value&module-name=softhsm2', { token: 't', moduleName: 'softhsm2' }],
    ['pkcs11:slot-id=0;id=%00%ff', { slotId: 0n, id: Buffer.of(0, 0xff) }],
    ['PKCS11:token=t?pin-source=/what?is/this', { token: 't', pinSource: '/what?is/this' }],
  ])('%s', (text, uri) => {
    expect(parsePkcs11Uri(text)).toEqual({ ok: true, uri });
  });

  it.each([
    ['pkcs11:tokn=t', /"tokn" is unknown/],
    ['pkcs11:token', /no "="/],
    ['pkcs11:token=t;', /empty/],
    ['pkcs11:;token=t', /empty/],
    ['pkcs11:token=t;token=u', /"token" twice/],
    ['pkcs11:token=a b', /must be written as %/],
    ['pkcs11:token=a%2', /must be written as %/],
    ['pkcs11:token=a%zz', /must be written as %/],
    ['pkcs11:token=é', /must be written as %/],
    ['pkcs11:slot-id=x', /slot-id/],
    ['pkcs11:slot-id=-1', /slot-id/],
    ['pkcs11:slot-id=', /slot-id/],
    ['pkcs11:type=key', /type/],
    ['pkcs11:pin-value=1234', /unknown in the path/],
    ['pkcs11:token=t?object=o', /unknown in the query/],
    ['pkcs11:token=t?12;34=5', /in it/],
  ])('%s is malformed', (text, fault) => {
    expect(parsePkcs11Uri(text)).toMatchObject({ ok: false, fault: expect.stringMatching(fault) as string });
  });

  it('of any text is accepted or rejected, and no value is repeated', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (text) => {
        const parsed = parsePkcs11Uri(`pkcs11:token=t?pin-value=${text}marked`);
        expect(JSON.stringify(parsed.ok ? '' : parsed.fault)).not.toContain('marked');
      }),
    );
  });
});

describe('in a configuration', () => {
  function at(certificate: string, more: object = {}): IdentityConfig {
    const written = identityIn({ identity: { certificate, ...more } }, '/etc/ia');
    if (!written) throw new Error('it has not the form of an identity');
    return resolveIdentity(written);
  }

  it('names certificate and key, and the module of p11-kit', () => {
    const source = { kind: 'pkcs11', uri: 'pkcs11:token=t;object=o', module: 'p11-kit-proxy.so' };
    expect(at('pkcs11:token=t;object=o')).toMatchObject({ certificate: source, privateKey: source });
  });

  it.each([
    [{ pkcs11: { module: '/usr/lib/m.so' } }, 'pkcs11:', '/usr/lib/m.so'],
    [{ pkcs11: { module: 'modules/m.so' } }, 'pkcs11:', '/etc/ia/modules/m.so'],
    [{ pkcs11: { module: 'softhsm2' } }, 'pkcs11:', 'softhsm2'],
    [{ pkcs11: { module: 'softhsm2' } }, 'pkcs11:?module-path=/opt/m.so', '/opt/m.so'],
    [{}, 'pkcs11:?module-name=opensc-pkcs11', 'opensc-pkcs11'],
    [{}, 'pkcs11:?module-path=/opt/lib&module-name=vendor', '/opt/lib/libvendor.so'],
    [{}, 'pkcs11:?module-path=/opt/a%20b/m.so', '/opt/a b/m.so'],
  ])('%j with %s loads %s', (more, privateKey, module) => {
    expect(at('device.pem', { privateKey, ...more })).toMatchObject({
      certificate: '/etc/ia/device.pem',
      privateKey: { kind: 'pkcs11', uri: 'pkcs11:', module },
    });
  });

  it.each([
    ['file:/etc/pin', '/etc/pin'],
    ['file:///etc/pin', '/etc/pin'],
    ['/etc/pin', '/etc/pin'],
    ['/etc/a%20pin', '/etc/a pin'],
  ])('takes the PIN from pin-source=%s', (source, file) => {
    const identity = at('device.pem', { privateKey: `pkcs11:token=t?pin-source=${source}` });
    expect(identity.passphrase).toEqual({ from: 'file', path: file });
    expect(JSON.stringify(identity.privateKey)).not.toContain('pin');
  });

  it.each([
    ['pkcs11:token=t?pin-value=1234', /without pin-value/],
    ['pkcs11:token=t?pin-source=|cat%20/etc/pin', /absolute path of a file/],
    ['pkcs11:token=t?pin-source=pin', /absolute path of a file/],
    ['pkcs11:token=t?module-path=m.so', /module-path is an absolute path/],
    ['pkcs11:tokn=t', /"tokn"/],
  ])('%s is rejected', (text, fault) => {
    expect(writtenSource(text)).toMatch(fault);
    expect(writtenSource(text)).not.toContain('1234');
  });
});

it.each([
  ['pkcs11:token=t;object=o;id=%01', 'token=t'],
  ['pkcs11:object=o;token=t', 'token=t'],
  ['pkcs11:type=private;serial=1;object=o', 'serial=1'],
])('the PIN of %s is that of %s', (uri, token) => {
  expect(lockOf({ kind: 'pkcs11', uri, module: 'm' })).toBe(token);
});
