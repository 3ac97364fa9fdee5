import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { TrustAnchor } from '../../src/emulator/account/account.ts';
import {
  type AuthorityRequest,
  issueAuthority,
  type Issued,
  issueLeaf,
  type KeyType,
  type LeafRequest,
} from '../../src/emulator/account/pki.ts';
import { readRevocationList, revocationListsIn } from '../../src/emulator/account/revocation.ts';
import { x509 } from '../../src/emulator/account/x509.ts';
import { verifyPath } from '../../src/emulator/certificate-path.ts';
import { type Certificate, readCertificate } from '../../src/identity/certificate.ts';
import { describeWith, hasTool } from '../support/tools.ts';

const DAY = 86_400_000;
const NOW = Date.UTC(2026, 10, 22);
const DATES = { notBefore: NOW - DAY, notAfter: NOW + 30 * DAY };

const named = (commonName: string): LeafRequest['subject'] => [{ type: 'CN', value: commonName }];
const read = (issued: Issued): Certificate => readCertificate(issued.der);

async function authority(commonName: string, issuer?: Issued, more: Partial<AuthorityRequest> = {}): Promise<Issued> {
  return issueAuthority({ ...DATES, subject: named(commonName), ...more }, issuer);
}

async function leafOf(issuer: Issued, more: Partial<LeafRequest> = {}): Promise<Certificate> {
  return read(await issueLeaf({ ...DATES, subject: named('device-0001'), ...more }, issuer));
}

function anchorOf(certificates: readonly Issued[], revocationLists: readonly Buffer[] = []): TrustAnchor {
  return { arn: 'arn:anchor', enabled: true, certificates: certificates.map(read), revocationLists };
}

/** The message of a refusal, or `trusted`. */
function verdictOf(leaf: Certificate, chain: readonly Certificate[], anchor: TrustAnchor, now = NOW): string {
  const verdict = verifyPath(leaf, chain, anchor, now);
  return verdict.trusted ? 'trusted' : verdict.message;
}

function detailOf(leaf: Certificate, chain: readonly Certificate[], anchor: TrustAnchor, now = NOW): string {
  const verdict = verifyPath(leaf, chain, anchor, now);
  return verdict.trusted ? 'trusted' : verdict.detail;
}

/** A leaf with exactly these extensions, which issueLeaf would never make. */
async function oddLeaf(
  issuer: Issued,
  extensions: InstanceType<typeof x509.Extension>[],
  hash = 'SHA-256',
): Promise<Certificate> {
  const { keys } = await issueLeaf({ ...DATES, subject: named('key') }, issuer);
  const certificate = await x509.X509CertificateGenerator.create({
    subject: 'CN=odd',
    issuer: issuer.certificate.subjectName,
    publicKey: keys.publicKey,
    signingKey: issuer.keys.privateKey,
    signingAlgorithm: { ...issuer.keys.privateKey.algorithm, hash },
    notBefore: new Date(DATES.notBefore),
    notAfter: new Date(DATES.notAfter),
    extensions,
  });
  return readCertificate(Buffer.from(certificate.rawData));
}

it('unknown critical and duplicate extensions are rejected in leaves and CAs', async () => {
  const root = await authority('Root');
  const intermediate = await authority('Intermediate', root);
  const leaf = await leafOf(intermediate);
  const unknown = { unknownCriticalExtensions: ['1.2.3.4'] };
  const twice = { duplicateExtensions: ['2.5.29.15'] };
  const verdict = (leafMore: Partial<Certificate>, more: Partial<Certificate>): string =>
    detailOf({ ...leaf, ...leafMore }, [{ ...read(intermediate), ...more }], anchorOf([root]));
  expect(verdict({}, {})).toBe('trusted');
  expect(verdict(unknown, {})).toBe('it has the critical extension 1.2.3.4, which is not known');
  expect(verdict(twice, {})).toBe('it has the extension 2.5.29.15 twice');
  expect(verdict({}, unknown)).toBe('CN=Intermediate has the critical extension 1.2.3.4, which is not known');
});

const SIGNS = (): InstanceType<typeof x509.Extension> =>
  new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true);
const UNTRUSTED = 'Untrusted signing certificate';
const INSUFFICIENT = 'Untrusted certificate. Insufficient certificate';

let root: Issued;
let upper: Issued;
let lower: Issued;
let leaf: Certificate;
let anchor: TrustAnchor;

beforeAll(async () => {
  root = await authority('Root CA');
  upper = await authority('Upper CA', root);
  lower = await authority('Lower CA', upper);
  leaf = await leafOf(lower);
  anchor = anchorOf([root]);
});

describe('a path', () => {
  it('leads from the leaf to the anchor', () => {
    const verdict = verifyPath(leaf, [read(lower), read(upper)], anchor, NOW);
    expect(verdict.trusted && verdict.path.map(({ subjectText }) => subjectText)).toEqual([
      'CN=device-0001',
      'CN=Lower CA',
      'CN=Upper CA',
      'CN=Root CA',
    ]);
  });

  it('is found in any order, with root, leaf, duplicates and unrelated certificates in the chain', async () => {
    const stranger = read(await authority('Stranger'));
    expect(verdictOf(leaf, [read(upper), read(lower)], anchor)).toBe('trusted');
    expect(verdictOf(leaf, [read(root), read(upper), leaf, read(lower)], anchor)).toBe('trusted');
    expect(verdictOf(leaf, [read(lower), read(lower), stranger, read(upper)], anchor)).toBe('trusted');
  });

  it('may end at an intermediate that is the anchor, without a chain', () => {
    expect(verdictOf(leaf, [], anchorOf([lower]))).toBe('trusted');
  });

  it('may end at the second certificate of an anchor', async () => {
    expect(verdictOf(leaf, [read(lower), read(upper)], anchorOf([await authority('New Root'), root]))).toBe('trusted');
  });

  it.each(['P-256', 'P-384', 'P-521', 'RSA-2048'] as const)('verifies %s signatures', async (keyType: KeyType) => {
    const ca = await authority('CA', undefined, { keyType });
    expect(verdictOf(await leafOf(ca, { keyType }), [], anchorOf([ca]))).toBe('trusted');
  });

  it('survives two CAs that signed each other', async () => {
    const one = await authority('One');
    const two = await authority('Two', one);
    const crossed = await x509.X509CertificateGenerator.create({
      subject: 'CN=One',
      issuer: 'CN=Two',
      publicKey: one.keys.publicKey,
      signingKey: two.keys.privateKey,
      notBefore: new Date(DATES.notBefore),
      notAfter: new Date(DATES.notAfter),
      extensions: one.certificate.extensions.slice(0, 2),
    });
    const chain = [read(two), readCertificate(Buffer.from(crossed.rawData))];
    expect(verdictOf(await leafOf(two), chain, anchor)).toBe(UNTRUSTED);
    expect(verdictOf(await leafOf(two), chain, anchorOf([one]))).toBe('trusted');
  });
});

describe('an untrusted signing certificate', () => {
  it('has no intermediate, and the detail names it', () => {
    expect(verdictOf(leaf, [read(lower)], anchor)).toBe(UNTRUSTED);
    expect(detailOf(leaf, [read(lower)], anchor)).toBe(
      'CN=Lower CA is issued by CN=Upper CA, which is neither in the chain sent nor in the trust anchor (CN=Root CA)',
    );
  });

  it('has a CA of the same name with another key', async () => {
    const impostor = await authority('Root CA');
    expect(verdictOf(await leafOf(impostor), [], anchor)).toBe(UNTRUSTED);
    expect(verdictOf(await leafOf(impostor), [read(impostor)], anchor)).toBe(UNTRUSTED);
  });

  it('has a leaf that signs', async () => {
    const device = await issueLeaf({ ...DATES, subject: named('device') }, root);
    expect(verdictOf(await leafOf(device), [read(device)], anchor)).toBe(UNTRUSTED);
  });

  it('has an expired intermediate', async () => {
    const expired = await authority('Old CA', root, { notBefore: NOW - 9 * DAY, notAfter: NOW - DAY });
    expect(verdictOf(await leafOf(expired), [read(expired)], anchor)).toBe(UNTRUSTED);
    expect(detailOf(await leafOf(expired), [read(expired)], anchor)).toBe('CN=Old CA expired at 2026-11-21T00:00:00Z');
    expect(verdictOf(await leafOf(expired), [read(expired)], anchor, NOW - DAY)).toBe('trusted');
  });

  it('is below a pathLenConstraint', async () => {
    const short = await authority('Short', root, { pathLength: 0 });
    const below = await authority('Below', short);
    expect(verdictOf(await leafOf(short), [read(short)], anchor)).toBe('trusted');
    expect(verdictOf(await leafOf(below), [read(below), read(short)], anchor)).toBe(UNTRUSTED);
    expect(detailOf(await leafOf(below), [read(below), read(short)], anchor)).toBe(
      'CN=Short allows only 0 CAs below itself (pathLenConstraint)',
    );
  });

  it('has a chain of more than five', () => {
    expect(verdictOf(leaf, [lower, upper, root, root, root, root].map(read), anchor)).toBe(UNTRUSTED);
  });
});

describe('an insufficient certificate', () => {
  it('has no keyUsage, or no digitalSignature', async () => {
    const encipherment = new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyEncipherment, true);
    const clientAuth = new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth]);
    expect(verdictOf(await oddLeaf(root, [clientAuth]), [], anchor)).toBe(INSUFFICIENT);
    expect(verdictOf(await oddLeaf(root, [encipherment]), [], anchor)).toBe(INSUFFICIENT);
    expect(verdictOf(await oddLeaf(root, [SIGNS()]), [], anchor)).toBe('trusted');
  });

  it('is a CA, even if it is the anchor itself', async () => {
    const ca = await oddLeaf(root, [SIGNS(), new x509.BasicConstraintsExtension(true)]);
    expect(detailOf(ca, [], anchor)).toBe('it is a CA certificate');
    expect(verdictOf(read(root), [], anchor)).toBe(INSUFFICIENT);
  });

  it('has no subject', async () => {
    expect(detailOf(await leafOf(root, { subject: [] }), [], anchor)).toBe('its subject is empty');
  });

  it('is signed with SHA-1', async () => {
    const weak = await oddLeaf(root, [SIGNS()], 'SHA-1');
    expect(verdictOf(weak, [], anchor)).toBe(INSUFFICIENT);
    expect(detailOf(weak, [], anchor)).toBe('CN=odd is signed with SHA-1, weaker than SHA-256');
  });
});

describe('validity', () => {
  it.each([
    [-2 * DAY, 'CN=device-0001 is not valid before 2026-11-21T00:00:00Z'],
    [31 * DAY, 'CN=device-0001 expired at 2026-12-22T00:00:00Z'],
  ])('is that of the leaf; the wording is our own (%i ms)', async (offset, detail) => {
    const old = await authority('Old root', undefined, { notBefore: NOW - 99 * DAY, notAfter: NOW + 99 * DAY });
    const verdict = verifyPath(await leafOf(old), [], anchorOf([old]), NOW + offset);
    expect(verdict).toEqual({
      trusted: false,
      message: 'Untrusted certificate. The certificate is not within its validity period',
      verified: false,
      detail,
    });
  });
});

describe('revocation', () => {
  async function listOf(issuer: Issued, revoked: readonly Certificate[], nextUpdate = NOW + DAY): Promise<Buffer> {
    const list = await x509.X509CrlGenerator.create({
      issuer: issuer.certificate.subjectName,
      signingKey: issuer.keys.privateKey,
      signingAlgorithm: { ...issuer.keys.privateKey.algorithm, hash: 'SHA-256' },
      thisUpdate: new Date(NOW),
      ...(nextUpdate > 0 && { nextUpdate: new Date(nextUpdate) }),
      entries: revoked.map(({ serialHex }) => ({ serialNumber: serialHex })),
    });
    return Buffer.from(list.rawData);
  }

  it('rejects only the listed certificate', async () => {
    const other = await leafOf(root);
    const revoked = await leafOf(root);
    const listed = anchorOf([root], [await listOf(root, [revoked])]);
    expect(verdictOf(other, [], listed)).toBe('trusted');
    expect(verdictOf(revoked, [], listed)).toBe('Certificate revoked');
    expect(verdictOf(revoked, [], anchor)).toBe('trusted');
  });

  it('counts only if the issuer of the certificate signed the list', async () => {
    const impostor = await authority('Root CA');
    const revoked = await leafOf(root);
    expect(verdictOf(revoked, [], anchorOf([root], [await listOf(impostor, [revoked])]))).toBe('trusted');
    expect(verdictOf(revoked, [], anchorOf([root], [await listOf(upper, [revoked])]))).toBe('trusted');
  });

  it('applies to intermediates and leaves below them', async () => {
    const chain = [read(lower), read(upper)];
    expect(verdictOf(leaf, chain, anchorOf([root], [await listOf(lower, [leaf])]))).toBe('Certificate revoked');
    expect(verdictOf(leaf, chain, anchorOf([root], [await listOf(root, [read(upper)])]))).toBe('Certificate revoked');
  });

  it('verifies lists signed with RSA', async () => {
    const ca = await authority('RSA CA', undefined, { keyType: 'RSA-2048' });
    const revoked = await leafOf(ca);
    expect(verdictOf(revoked, [], anchorOf([ca], [await listOf(ca, [revoked])]))).toBe('Certificate revoked');
  });

  it('accepts an old or long-lived list, but not one without nextUpdate', async () => {
    const stale = await listOf(root, [leaf], NOW + 1);
    const longLived = await listOf(root, [leaf], Date.UTC(2060, 0));
    expect([stale, longLived].map((der) => readRevocationList(der).revokes(leaf))).toEqual([true, true]);
    const endless = await listOf(root, [leaf], 0);
    expect(() => readRevocationList(endless)).toThrow('no nextUpdate');
  });

  it('reads PEM and DER', async () => {
    const der = await listOf(root, [leaf]);
    const pem = new x509.X509Crl(der).toString('pem');
    expect(revocationListsIn(der)).toEqual([der]);
    expect(revocationListsIn(Buffer.from(`# comment\n${pem}\n${pem}\n`))).toEqual([der, der]);
    expect(revocationListsIn(Buffer.from('nothing'))).toEqual([]);
  });
});

describeWith('openssl', hasTool('openssl', 'version'), 'certificates and lists made by OpenSSL', () => {
  function openssl(directory: string, ...args: string[]): void {
    execFileSync('openssl', args, { cwd: directory, stdio: 'ignore' });
  }

  /** Files of a small CA, read by the tests. */
  function inCaDirectory<Result>(body: (directory: string, read: (name: string) => Buffer) => Result): Result {
    const directory = mkdtempSync(path.join(tmpdir(), 'certificate-path-'));
    try {
      writeFileSync(
        path.join(directory, 'ca.cnf'),
        [
          '[ca]\ndefault_ca=d\n[d]\ndatabase=index.txt\ncrlnumber=crlnumber\ndefault_md=sha256\ndefault_crl_days=30',
          '[req]\ndistinguished_name=n\n[n]\n[v3_ca]\nbasicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign',
          '[leaf]\nkeyUsage=critical,digitalSignature',
        ].join('\n'),
      );
      writeFileSync(path.join(directory, 'index.txt'), '');
      writeFileSync(path.join(directory, 'crlnumber'), '01\n');
      const root = ['-subj', '/CN=OpenSSL Root', '-extensions', 'v3_ca', '-keyout', 'ca.key', '-out', 'ca.pem'];
      openssl(directory, 'req', '-x509', '-config', 'ca.cnf', '-newkey', 'rsa:2048', '-nodes', '-days', '30', ...root);
      openssl(
        directory,
        'req',
        '-new',
        '-config',
        'ca.cnf',
        '-newkey',
        'rsa:2048',
        '-nodes',
        '-subj',
        '/CN=leaf',
        '-keyout',
        'l.key',
        '-out',
        'l.csr',
      );
      return body(directory, (name) => readFileSync(path.join(directory, name)));
    } finally {
      rmSync(directory, { recursive: true });
    }
  }

  function issue(directory: string, ...extra: string[]): void {
    openssl(
      directory,
      'x509',
      '-req',
      '-in',
      'l.csr',
      '-CA',
      'ca.pem',
      '-CAkey',
      'ca.key',
      '-set_serial',
      '0x8001',
      '-days',
      '9',
      '-outform',
      'DER',
      '-out',
      'l.der',
      ...extra,
    );
  }

  const V3 = ['-extfile', 'ca.cnf', '-extensions', 'leaf'];
  const pemCertificate = (pem: Buffer): Certificate =>
    readCertificate(Buffer.from(new x509.X509Certificate(pem.toString()).rawData));

  it.each([
    ['a version 1 certificate', [], INSUFFICIENT],
    ['SHA-1', [...V3, '-sha1'], INSUFFICIENT],
    ['MD5', [...V3, '-md5'], INSUFFICIENT],
    ['SHA-224', [...V3, '-sha224'], INSUFFICIENT],
    ['SHA-256', [...V3, '-sha256'], 'trusted'],
    ['SHA-512', [...V3, '-sha512'], 'trusted'],
  ])('%s', (_, flags, expected) => {
    const message = inCaDirectory((directory, file) => {
      issue(directory, ...flags);
      const certificates = [pemCertificate(file('ca.pem'))];
      const anchorThere = { arn: 'arn:anchor', enabled: true, certificates, revocationLists: [] };
      return verdictOf(readCertificate(file('l.der')), [], anchorThere, Date.now());
    });
    expect(message).toBe(expected);
  });

  it('a CRL', () => {
    const message = inCaDirectory((directory, file) => {
      issue(directory, ...V3);
      openssl(directory, 'x509', '-inform', 'DER', '-in', 'l.der', '-out', 'l.pem');
      openssl(directory, 'ca', '-config', 'ca.cnf', '-revoke', 'l.pem', '-keyfile', 'ca.key', '-cert', 'ca.pem');
      openssl(
        directory,
        'ca',
        '-config',
        'ca.cnf',
        '-gencrl',
        '-keyfile',
        'ca.key',
        '-cert',
        'ca.pem',
        '-out',
        'crl.pem',
      );
      const certificates = [pemCertificate(file('ca.pem'))];
      const revocationLists = revocationListsIn(file('crl.pem'));
      const anchorThere = { arn: 'arn:anchor', enabled: true, certificates, revocationLists };
      return verdictOf(readCertificate(file('l.der')), [], anchorThere, Date.now());
    });
    expect(message).toBe('Certificate revoked');
  });
});
