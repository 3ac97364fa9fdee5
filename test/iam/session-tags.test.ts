import { beforeAll, describe, expect, it } from 'vitest';
import { issueAuthority, issueLeaf, type LeafRequest } from '../../src/emulator/account/pki.ts';
import {
  DEFAULT_MAPPINGS,
  defaultSessionName,
  sessionTagsOf,
  sourceIdentityOf,
  unmappedMessage,
  untaggableAttributes,
} from '../../src/iam/session-tags.ts';
import { type Certificate, readCertificate } from '../../src/identity/certificate.ts';
import type { NameAttribute } from '../../src/identity/distinguished-name.ts';

const DATES = { notBefore: Date.UTC(2026, 10, 1), notAfter: Date.UTC(2027, 10, 1) };

async function leafWith(
  request: Partial<LeafRequest>,
  issuer: NameAttribute[] = name('CN=Example CA'),
): Promise<Certificate> {
  const authority = await issueAuthority({ ...DATES, subject: issuer });
  const leaf = await issueLeaf({ ...DATES, subject: name('CN=device-0001'), ...request }, authority);
  return readCertificate(leaf.der);
}

/** `OU=Security, CN=x` */
function name(text: string): NameAttribute[] {
  return text.split(', ').map((attribute) => {
    const [type = '', value = ''] = attribute.split('=');
    return { type, value };
  });
}

/** The example in the User Guide's pages on attribute mapping and workload identities. */
describe('the session tags of the documented example', () => {
  const stub = (more: Partial<Certificate>): Certificate => ({ ...example, ...more });
  let example: Certificate;
  beforeAll(async () => {
    example = await leafWith(
      {
        subject: name('CN=Alice'),
        alternativeNames: [
          { type: 'dns', value: 'example.com' },
          { type: 'dns', value: 'second.example.com' },
          { type: 'email', value: 'alice@example.com' },
          { type: 'url', value: 'spiffe://example.com/workload/alice' },
        ],
      },
      name('C=US, O=Amazon, OU=IAM, ST=Washington, L=Seattle, CN=RolesAnywhere'),
    );
  });

  const tags = (certificate: Certificate, mappings = DEFAULT_MAPPINGS): Record<string, string> =>
    Object.fromEntries(sessionTagsOf(certificate, mappings).tags);

  it('follow the default mappings', () => {
    expect(tags(example)).toEqual({
      'x509Subject/CN': 'Alice',
      'x509Issuer/C': 'US',
      'x509Issuer/O': 'Amazon',
      'x509Issuer/OU': 'IAM',
      'x509Issuer/ST': 'Washington',
      'x509Issuer/L': 'Seattle',
      'x509Issuer/CN': 'RolesAnywhere',
      'x509SAN/DNS': 'example.com',
      'x509SAN/URI': 'spiffe://example.com/workload/alice',
    });
  });

  it('use the first directory name', () => {
    const named = stub({
      alternativeNames: [
        { type: 'directoryName', name: name('CN=Alice, OU=One') },
        { type: 'directoryName', name: name('CN=Bob') },
      ],
    });
    expect(tags(named)).toMatchObject({ 'x509SAN/Name/CN': 'Alice', 'x509SAN/Name/OU': 'One' });
    const mappings = { x509Subject: [], x509Issuer: [], x509SAN: ['Name/OU'] };
    expect(tags(named, mappings)).toEqual({ 'x509SAN/Name/OU': 'One' });
  });

  it('contain only what the profile maps', () => {
    expect(tags(example, { x509Subject: ['CN'], x509Issuer: ['O', 'UID'], x509SAN: ['URI'] })).toEqual({
      'x509Subject/CN': 'Alice',
      'x509Issuer/O': 'Amazon',
      'x509SAN/URI': 'spiffe://example.com/workload/alice',
    });
  });

  it('name attributes without a usual name by OID, except UID', () => {
    const odd = stub({ subject: name('0.9.2342.19200300.100.1.1=u1, 2.5.4.5=s1') });
    const mappings = { x509Subject: ['UID', '2.5.4.5'], x509Issuer: [], x509SAN: [] };
    expect(tags(odd, mappings)).toEqual({ 'x509Subject/UID': 'u1', 'x509Subject/2.5.4.5': 's1' });
  });

  it('join repeated attributes in order', () => {
    const repeated = stub({ subject: name('OU=Security, CN=Alice, OU=Engineering, OU=Research') });
    expect(tags(repeated)).toMatchObject({ 'x509Subject/OU': 'Security/Engineering/Research' });
  });
});

describe('attributes that cannot be tags', () => {
  it('are absent in an ordinary certificate', async () => {
    const { unmapped } = sessionTagsOf(await leafWith({}), DEFAULT_MAPPINGS);
    expect(unmappedMessage(unmapped)).toBeUndefined();
  });

  it.each([
    [
      { alternativeNames: [{ type: 'dns', value: '*.example.com' }] as const },
      'Issuer: [  ]; Subject: [  ]; SAN: [ DNS/2 ]',
    ],
    [{ subject: name('CN=Jo (EMP1), O=Ok') }, 'Issuer: [  ]; Subject: [ CN ]; SAN: [  ]'],
    [
      { subject: name(`CN=ok, O=${'o'.repeat(64)}, ${'OU=12345678901234567890, '.repeat(13)}OU=x`) },
      'Issuer: [  ]; Subject: [ OU ]; SAN: [  ]',
    ],
  ])('are named like in the service: %j', async (request, listed) => {
    const { tags, unmapped } = sessionTagsOf(await leafWith(request), DEFAULT_MAPPINGS);
    expect(unmappedMessage(unmapped)).toBe(`Some attributes failed to be mapped into session tags. ${listed}`);
    expect(tags.get('x509Issuer/CN')).toBe('Example CA');
  });

  it('are ignored if the profile does not map them', async () => {
    const leaf = await leafWith({ alternativeNames: [{ type: 'dns', value: '*.example.com' }] });
    const { unmapped } = sessionTagsOf(leaf, { ...DEFAULT_MAPPINGS, x509SAN: [] });
    expect(unmappedMessage(unmapped)).toBeUndefined();
  });
});

describe('source identity and session name', () => {
  it.each([
    ['device-0001', 'CN=device-0001'],
    ['c'.repeat(61), `CN=${'c'.repeat(61)}`],
    ['c'.repeat(62), 'c'.repeat(62)],
    ['c'.repeat(64), 'c'.repeat(64)],
  ])('the common name %s yields %s', async (commonName, identity) => {
    expect(sourceIdentityOf(await leafWith({ subject: name(`O=Example, CN=${commonName}`) }))).toBe(identity);
  });

  it('the serial number replaces a missing common name', async () => {
    // The User Guide's example: serial 291 is 0123.
    const leaf = { ...(await leafWith({ subject: name('O=Example') })), serialHex: '0123' };
    expect(sourceIdentityOf(leaf)).toBe('ID=0123');
    expect(defaultSessionName(leaf)).toBe('0123');
  });
});

describe('attributes that cannot be tags', () => {
  it.each<[string, NameAttribute, string]>([
    ['parentheses', { type: 'CN', value: 'John M. Smith (EMP12345)' }, 'has "(" ")", which no session tag can have'],
    ['an ampersand', { type: 'O', value: 'Acme & Co' }, 'has "&", which no session tag can have'],
    ['a comma', { type: 'O', value: 'Acme, Inc.' }, 'has ",", which no session tag can have'],
    ['an emoji', { type: 'CN', value: 'x\u{1F511}' }, 'has "\u{1F511}", which no session tag can have'],
    ['257 characters', { type: 'OU', value: 'x'.repeat(257) }, 'is longer than the 256 characters of a session tag'],
  ])('%s', async (_, attribute, reason) => {
    const certificate = { ...(await leafWith({})), subject: [attribute] };
    expect(untaggableAttributes(certificate, DEFAULT_MAPPINGS)).toEqual([
      { key: `x509Subject/${attribute.type}`, value: attribute.value, reason },
    ]);
    expect(untaggableAttributes(certificate, { ...DEFAULT_MAPPINGS, x509Subject: [] })).toEqual([]);
  });

  it('a wildcard name, and an issuer', async () => {
    const leaf = await leafWith({ alternativeNames: [{ type: 'dns', value: '*.example.com' }] }, name("CN=Joe's CA"));
    expect(untaggableAttributes(leaf, DEFAULT_MAPPINGS).map(({ key }) => key)).toEqual([
      'x509Issuer/CN',
      'x509SAN/DNS',
    ]);
  });

  it('are found except for letters of any script, digits, spaces and _.:/=+-@', async () => {
    const certificate = {
      ...(await leafWith({})),
      subject: [{ type: 'CN', value: 'Gr\u00fc\u00dfe \u4e16\u754c 1_.:/=+-@' }],
    };
    expect(untaggableAttributes(certificate, DEFAULT_MAPPINGS)).toEqual([]);
  });
});
