import { describe, expect, it } from 'vitest';
import { derElements, readDer } from '../../src/foundation/der.ts';
import { readCertificate } from '../../src/identity/certificate.ts';
import { type KeyKind, makeAuthority, makeKeys } from '../support/pki.ts';
import { sequence } from './der-writer.ts';
import { codeOf, load } from './identity-directory.ts';

describe('the version of a certificate', () => {
  it('is 3 with extensions, and 1 if absent', async () => {
    const leaf = await (await makeAuthority()).issue();
    expect(readCertificate(leaf.certificateDer).version).toBe(3);
    const first = withoutVersion(leaf.certificateDer);
    expect(readCertificate(first).version).toBe(1);
    expect(await codeOf(load({ certificate: first, privateKey: leaf.keyPem }))).toBe('CERTIFICATE_NOT_V3');
  });
});

describe('the hash of a signature', () => {
  it.each<[KeyKind, string, string, string]>([
    ['P-256', 'SHA-224', '2a8648ce3d040302', '2a8648ce3d040301'],
    ['RSA-2048', 'SHA-224', '2a864886f70d01010b', '2a864886f70d01010e'],
    ['RSA-2048', 'MD5', '2a864886f70d01010b', '2a864886f70d010104'],
    ['RSA-2048', 'MD2', '2a864886f70d01010b', '2a864886f70d010102'],
  ])('%s with %s is recognised and rejected', async (kind, hash, sha256, weak) => {
    const leaf = await (await makeAuthority('CA', { keys: makeKeys(kind) })).issue();
    const certificate = Buffer.from(leaf.certificateDer.toString('hex').replaceAll(sha256, weak), 'hex');
    expect(readCertificate(certificate).signatureHash).toBe(hash);
    expect(await codeOf(load({ certificate, privateKey: leaf.keyPem }))).toBe('CERTIFICATE_WEAK_SIGNATURE');
  });
});

/** Takes away the version and the extensions that need it (RFC 5280 4.1), and with them the signature's validity. */
function withoutVersion(certificate: Buffer): Buffer {
  const [tbs, ...signature] = rawElements(readDer(certificate).content);
  const fields = rawElements(readDer(tbs ?? Buffer.alloc(0)).content);
  return sequence(sequence(...fields.filter((field) => field[0] !== 0xa0 && field[0] !== 0xa3)), ...signature);
}

function rawElements(content: Buffer): Buffer[] {
  let start = 0;
  return [...derElements(content)].map(({ size }) => {
    start += size;
    return content.subarray(start - size, start);
  });
}
