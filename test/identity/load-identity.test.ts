import { createPublicKey, verify, X509Certificate } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { readIdentityContent } from '../../src/identity/identity-content.ts';
import { loadIdentity } from '../../src/identity/load-identity.ts';
import { provenIdentity } from '../../src/identity/proven-identity.ts';
import { type Authority, type Issued, makeAuthority, makeKeys, pem } from '../support/pki.ts';
import { sign } from '../support/signer.ts';
import { codeOf, load, NOW, writeFile, type Written } from './identity-directory.ts';

let root: Authority;
let upper: Authority;
let lower: Authority;
let device: Issued;
let other: Issued;

beforeAll(async () => {
  root = await makeAuthority();
  upper = await root.subordinate('Upper');
  lower = await upper.subordinate('Lower');
  device = await lower.issue({ serial: '00f1d2c3b4a5968778695a4b3c2d1e0f' });
  other = await root.issue({ subject: 'CN=other' });
});

describe('an identity', () => {
  it('has the data of the certificate that an exchange needs', async () => {
    const { identity, warnings } = await load({ certificate: device.certificatePem, privateKey: device.keyPem });
    const parsed = new X509Certificate(device.certificateDer);
    expect(identity).toMatchObject({
      certificate: device.certificateDer,
      chain: [],
      algorithm: 'AWS4-X509-ECDSA-SHA256',
      serial: BigInt(`0x${parsed.serialNumber}`).toString(),
      subject: 'CN=device-0001, O=Example',
      issuer: 'CN=Lower, O=Example PKI',
      notBefore: Date.parse(parsed.validFrom),
      notAfter: Date.parse(parsed.validTo),
      fingerprint: parsed.fingerprint256.replaceAll(':', '').toLowerCase(),
    });
    expect(identity.serial).toBe('1255618354322835972848681297325661711');
    expect(warnings).toEqual([]);
  });

  it('is frozen', async () => {
    const { identity } = await load({ certificate: device.certificatePem, privateKey: device.keyPem });
    expect(Object.isFrozen(identity)).toBe(true);
    expect(Object.isFrozen(identity.chain)).toBe(true);
  });

  it.each(['P-256', 'P-384', 'P-521', 'RSA-2048'] as const)('signs with %s over SHA-256', async (kind) => {
    const leaf = await root.issue({ keys: kind });
    const { identity } = await load({ certificate: leaf.certificatePem, privateKey: leaf.keyPem });
    const data = Buffer.from('string to sign');
    expect(
      verify(
        'sha256',
        data,
        createPublicKey(leaf.certificatePem),
        await sign(identity, data, new AbortController().signal),
      ),
    ).toBe(true);
  });
});

describe('common files', () => {
  const cases: Record<string, () => Written> = {
    'certificate and key in one file': () => ({ certificate: device.certificatePem + device.keyPem }),
    'key before certificate': () => ({ certificate: device.keyPem + device.certificatePem }),
    'certificate in DER': () => ({ certificate: device.certificateDer, privateKey: device.keyPem }),
    'key in DER, PKCS#8': () => ({ certificate: device.certificatePem, privateKey: keyDer('pkcs8') }),
    'key in DER, SEC1': () => ({ certificate: device.certificatePem, privateKey: keyDer('sec1') }),
    'Windows line ends': () => ({ certificate: crlf(device.certificatePem), privateKey: crlf(device.keyPem) }),
    'byte order mark': () => ({ certificate: `\uFEFF${device.certificatePem}`, privateKey: `\uFEFF${device.keyPem}` }),
    'text between the blocks': () => ({
      certificate: `Bag Attributes\n    localKeyID: 01 \nsubject=CN = x\n${device.certificatePem}Key Attributes: <No Attributes>\n${device.keyPem}`,
    }),
    'no newline at the end': () => ({
      certificate: device.certificatePem.trimEnd(),
      privateKey: device.keyPem.trimEnd(),
    }),
    'the old label': () => ({ certificate: pem(device.certificateDer, 'X509 CERTIFICATE') + device.keyPem }),
    'indented, as pasted from YAML': () => ({
      certificate: (device.certificatePem + device.keyPem).replace(/^/gm, '    '),
    }),
  };

  it.each(Object.entries(cases))('%s', async (_, written) => {
    const { identity } = await load(written());
    expect(identity.certificate).toEqual(device.certificateDer);
  });

  it('is read from one file for all three keys', async () => {
    const path = writeFile(lower.certificatePem + device.certificatePem + device.keyPem);
    const config = { certificate: path, privateKey: path, intermediates: path, allowReadableKey: false };
    const { identity } = await loadIdentity(config, { now: NOW, environment: {} });
    expect(identity.chain).toEqual([lower.certificateDer]);
  });

  function keyDer(type: 'pkcs8' | 'sec1'): Buffer {
    return device.privateKey.export({ format: 'der', type });
  }

  function crlf(text: string): string {
    return text.replaceAll('\n', '\r\n');
  }
});

describe('the chain', () => {
  const all = () => [root, upper, lower, device].map(({ certificatePem }) => certificatePem);
  const expected = () => [lower.certificateDer, upper.certificateDer];

  it.each([
    [0, 1, 2, 3],
    [3, 2, 1, 0],
    [2, 0, 3, 1],
    [1, 3, 0, 2],
  ])('is put in issuing order, without leaf and root (%i %i %i %i)', async (...order) => {
    const certificate = order.map((index) => all()[index]).join('');
    const { identity, warnings } = await load({ certificate, privateKey: device.keyPem });
    expect(identity.certificate).toEqual(device.certificateDer);
    expect(identity.chain).toEqual(expected());
    expect(warnings).toEqual([]);
  });

  it('may come from a second file, without duplicates', async () => {
    const { identity } = await load({
      certificate: device.certificatePem + lower.certificatePem,
      privateKey: device.keyPem,
      intermediates: all().join(''),
    });
    expect(identity.chain).toEqual(expected());
  });

  it('may be one DER file', async () => {
    const { identity } = await load({
      certificate: device.certificatePem,
      privateKey: device.keyPem,
      intermediates: lower.certificateDer,
    });
    expect(identity.chain).toEqual([lower.certificateDer]);
  });

  it('omits certificates that are on no path, with a warning', async () => {
    const certificate = device.certificatePem + other.certificatePem + lower.certificatePem;
    const { identity, warnings } = await load({ certificate, privateKey: device.keyPem });
    expect(identity.chain).toEqual([lower.certificateDer]);
    expect(warnings.map(({ code }) => code)).toEqual(['CERTIFICATE_UNRELATED']);
    expect(warnings[0]?.message).toContain('CN=other');
  });

  it('ignores another CA with the name of the issuer', async () => {
    const other = await root.subordinate('Lower');
    const certificate = device.certificatePem + other.certificatePem + lower.certificatePem;
    const { identity } = await load({ certificate, privateKey: device.keyPem });
    expect(identity.chain).toEqual([lower.certificateDer]);
  });

  it('prefers the valid one of two certificates of the same CA', async () => {
    const keys = { privateKey: lower.privateKey, publicKey: createPublicKey(lower.certificatePem) };
    const expired = await upper.subordinate('Lower', { keys, notAfter: NOW - 1000 });
    const certificate = device.certificatePem + expired.certificatePem + lower.certificatePem;
    const { identity } = await load({ certificate, privateKey: device.keyPem });
    expect(identity.chain).toEqual([lower.certificateDer]);
  });

  it('with an expired certificate is a warning', async () => {
    const expired = await root.subordinate('Expired', { notAfter: NOW - 1000 });
    const leaf = await expired.issue();
    const { warnings } = await load({
      certificate: leaf.certificatePem + expired.certificatePem,
      privateKey: leaf.keyPem,
    });
    expect(warnings.map(({ code }) => code)).toEqual(['INTERMEDIATE_NOT_VALID']);
  });

  it.each([
    [5, 'loads'],
    [6, 'CHAIN_TOO_LONG'],
  ])('of %i intermediates: %s', async (length, outcome) => {
    const authorities = [root];
    for (let depth = 1; depth <= length; depth += 1)
      authorities.unshift(await newest(authorities).subordinate(`CA ${depth}`));
    const leaf = await newest(authorities).issue();
    const certificate = [leaf, ...authorities].map(({ certificatePem }) => certificatePem).join('');
    const loading = load({ certificate, privateKey: leaf.keyPem });
    if (outcome === 'loads') expect((await loading).identity.chain).toHaveLength(length);
    else expect(await codeOf(loading)).toBe(outcome);
  });

  function newest([authority = root]: readonly Authority[]): Authority {
    return authority;
  }
});

describe('the leaf', () => {
  it('is the valid certificate of its key that lasts longest', async () => {
    const keys = makeKeys('P-256');
    const certificates = await Promise.all(
      [NOW - 1000, NOW + 3_600_000, NOW + 7_200_000].map((notAfter) =>
        root.issue({ keys, notAfter, notBefore: NOW - 7_200_000 }),
      ),
    );
    const certificate = certificates.map(({ certificatePem }) => certificatePem).join('');
    const { identity } = await load({
      certificate,
      privateKey: pem(keys.privateKey.export({ format: 'der', type: 'pkcs8' }), 'PRIVATE KEY'),
    });
    expect(identity.certificate).toEqual(certificates[2]?.certificateDer);
  });

  it('may be in the second file', async () => {
    const { identity } = await load({
      certificate: lower.certificatePem,
      privateKey: device.keyPem,
      intermediates: device.certificatePem,
    });
    expect(identity.certificate).toEqual(device.certificateDer);
  });
});

describe('rejected files', () => {
  const cases: Record<string, () => Written> = {
    KEY_CERTIFICATE_MISMATCH: () => ({ certificate: device.certificatePem, privateKey: other.keyPem }),
    NO_PRIVATE_KEY: () => ({ certificate: device.certificatePem }),
    NO_CERTIFICATE: () => ({ certificate: device.keyPem }),
    SEVERAL_PRIVATE_KEYS: () => ({ certificate: device.certificatePem, privateKey: device.keyPem + other.keyPem }),
    CERTIFICATE_MALFORMED: () => ({
      certificate: pem(device.certificateDer.subarray(0, 200)),
      privateKey: device.keyPem,
    }),
    TOO_MANY_CERTIFICATES: () => ({ certificate: device.certificatePem.repeat(65), privateKey: device.keyPem }),
    IDENTITY_FILE_UNKNOWN_FORMAT: () => ({ certificate: 'not a certificate', privateKey: device.keyPem }),
    FILE_EMPTY: () => ({ certificate: '', privateKey: device.keyPem }),
    FILE_TOO_LARGE: () => ({ certificate: '#'.repeat(1024 * 1024 + 1), privateKey: device.keyPem }),
    PEM_BLOCK_UNFINISHED: () => ({ certificate: device.certificatePem.slice(0, 300), privateKey: device.keyPem }),
  };

  it.each(Object.entries(cases))('%s', async (code, written) => {
    expect(await codeOf(load(written()))).toBe(code);
  });

  it('rejects a second file without a certificate', async () => {
    const written = { certificate: device.certificatePem, privateKey: device.keyPem };
    expect(await codeOf(load({ ...written, intermediates: device.keyPem }))).toBe('NO_CERTIFICATE');
  });

  it('names a public key in place of the private one', async () => {
    const privateKey = createPublicKey(device.certificatePem).export({ format: 'pem', type: 'spki' });
    await expect(load({ certificate: device.certificatePem, privateKey })).rejects.toMatchObject({
      code: 'NO_PRIVATE_KEY',
      message: expect.stringContaining('PUBLIC KEY') as string,
    });
  });
});

describe('a private key that is damaged', () => {
  /** SEC1 (RFC 5915) has both halves, and OpenSSL does not compare them. */
  function mixed(privateHalf: Issued, publicHalf: Issued): string {
    const [one, two] = [privateHalf, publicHalf].map(({ privateKey }) =>
      privateKey.export({ format: 'der', type: 'sec1' }),
    ) as [Buffer, Buffer];
    const POINT_BYTES = 65;
    return pem(Buffer.concat([one.subarray(0, -POINT_BYTES), two.subarray(-POINT_BYTES)]), 'EC PRIVATE KEY');
  }

  it('is rejected, although its public half is that of the certificate', async () => {
    const privateKey = mixed(other, device);
    expect(createPublicKey(privateKey).equals(createPublicKey(device.certificatePem))).toBe(true);
    expect(await codeOf(load({ certificate: device.certificatePem, privateKey }))).toBe('KEY_SELF_TEST_FAILED');
    expect((await load({ certificate: device.certificatePem, privateKey: mixed(device, device) })).warnings).toEqual(
      [],
    );
  });
});

describe('the file of the key', () => {
  it('may have the chain', async () => {
    const { identity } = await load({
      certificate: device.certificatePem,
      privateKey: device.keyPem + lower.certificatePem,
    });
    expect(identity.chain).toEqual([lower.certificateDer]);
  });
});

describe('what an identity says about its files', () => {
  const warningsOf = async (written: Written): Promise<string[]> =>
    (await load(written)).warnings.map(({ code, message }) => `${code} ${message.replaceAll(/\/\S*\//g, '')}`);
  const list = pem(Buffer.from('a list'), 'X509 CRL');

  it('names up to five blocks that are skipped in each file', async () => {
    const written = { certificate: device.certificatePem, privateKey: device.keyPem };
    expect(await warningsOf({ ...written, intermediates: lower.certificatePem + list.repeat(2) })).toEqual([
      expect.stringMatching(/^CERTIFICATE_BLOCKS_SKIPPED file: skipped X509 CRL on line \d+, X509 CRL on line \d+$/),
    ]);
    const [six] = await warningsOf({ ...written, certificate: device.certificatePem + list.repeat(6) });
    expect(six?.split('X509 CRL')).toHaveLength(6);
    expect(six).toMatch(/, \.\.\.$/);
    const [five] = await warningsOf({ ...written, certificate: device.certificatePem + list.repeat(5) });
    expect(five).toMatch(/line \d+$/);
  });

  it('names a file once that is both', async () => {
    const path = writeFile(device.certificatePem + device.keyPem + list);
    const config = { certificate: path, privateKey: path, intermediates: path, allowReadableKey: false };
    const { warnings } = await loadIdentity(config, { now: NOW, environment: {} });
    expect(warnings.map(({ code }) => code)).toEqual(['CERTIFICATE_BLOCKS_SKIPPED']);
  });

  it('gives the reason why a certificate is not sent, if there is one', async () => {
    const keys = { privateKey: lower.privateKey, publicKey: createPublicKey(lower.certificatePem) };
    const mayNotIssue = await upper.issue({ subject: 'CN=Lower,O=Example PKI', keys, keyUsage: ['cRLSign'] });
    const reasons = await warningsOf({
      certificate: [device, lower, other, mayNotIssue].map(({ certificatePem }) => certificatePem).join(''),
      privateKey: device.keyPem,
    });
    expect(reasons.map((reason) => reason.slice(reason.indexOf('is not sent')))).toEqual([
      'is not sent',
      'is not sent: its keyUsage lacks keyCertSign',
    ]);
  });

  it('names up to three certificates to which the key does not belong', async () => {
    const mismatch = async (...certificates: Issued[]): Promise<string> => {
      const certificate = certificates.map(({ certificatePem }) => certificatePem).join('');
      const error: unknown = await load({ certificate, privateKey: other.keyPem }).catch((thrown: unknown) => thrown);
      return (error as Error).message.replace(/^.*\(/, '(');
    };
    expect(await mismatch(device, lower, upper)).toBe(
      '(CN=device-0001, O=Example; CN=Lower, O=Example PKI; CN=Upper, O=Example PKI)',
    );
    expect(await mismatch(device, lower, upper, root)).toMatch(/Upper, O=Example PKI, \.\.\.\)$/);
  });

  it('names the unit whose copy of the key is out of date', async () => {
    const contentOf = async (path: string, text: string) =>
      readIdentityContent({ path, content: Buffer.from(text), mode: 0o400, owner: 0 }, undefined);
    const material = {
      certificate: await contentOf('/etc/device.pem', device.certificatePem),
      privateKey: await contentOf('/run/credentials/gate.service/key', other.keyPem),
      intermediates: undefined,
      trustAnchorBundle: undefined,
    };
    expect(() => provenIdentity(material, undefined, NOW)).toThrow(
      expect.objectContaining({
        code: 'KEY_CREDENTIAL_OUTDATED',
        message: expect.stringContaining('gate.service') as string,
      }),
    );
  });
});
