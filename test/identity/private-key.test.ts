import { createCipheriv, generateKeyPairSync, type KeyObject, pbkdf2Sync } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { Secret } from '../../src/foundation/secret.ts';
import { type EncodedKey, readPrivateKey } from '../../src/identity/private-key.ts';
import { type Authority, type KeyPair, makeAuthority, pem } from '../support/pki.ts';
import { sign } from '../support/signer.ts';
import { der, hex, sequence } from './der-writer.ts';
import { codeOf, load } from './identity-directory.ts';

let authority: Authority;
beforeAll(async () => {
  authority = await makeAuthority();
});

async function codeFor(keys: KeyPair): Promise<string> {
  const leaf = await authority.issue({ keys });
  return codeOf(load({ certificate: leaf.certificatePem, privateKey: leaf.keyPem }));
}

describe('a private key is rejected', () => {
  it.each<[string, string, () => KeyPair]>([
    ['Ed25519', 'KEY_TYPE_UNSUPPORTED', () => generateKeyPairSync('ed25519')],
    ['X25519', 'KEY_TYPE_UNSUPPORTED', () => generateKeyPairSync('x25519')],
    ['RSA-PSS', 'KEY_TYPE_UNSUPPORTED', () => generateKeyPairSync('rsa-pss', { modulusLength: 2048 })],
    ['DSA', 'KEY_TYPE_UNSUPPORTED', () => generateKeyPairSync('dsa', { modulusLength: 1024, divisorLength: 160 })],
    ['secp256k1', 'KEY_CURVE_UNSUPPORTED', () => generateKeyPairSync('ec', { namedCurve: 'secp256k1' })],
    ['P-224', 'KEY_CURVE_UNSUPPORTED', () => generateKeyPairSync('ec', { namedCurve: 'secp224r1' })],
    ['RSA-1024', 'RSA_KEY_TOO_SMALL', () => generateKeyPairSync('rsa', { modulusLength: 1024 })],
  ])('%s: %s', async (_, code, keys) => {
    expect(await codeFor(keys())).toBe(code);
  });

  it('if RSA with more than 4096 bits, with the number', async () => {
    const leaf = await authority.issue();
    const modulus = (1n << 4103n) + 1n;
    await expect(load({ certificate: leaf.certificatePem, privateKey: rsaKey(modulus) })).rejects.toMatchObject({
      code: 'RSA_KEY_TOO_LARGE',
      message: expect.stringContaining('4104 bits') as string,
    });
  });

  it.each(['OPENSSH PRIVATE KEY', 'DSA PRIVATE KEY'])('in the form %s', async (label) => {
    const leaf = await authority.issue();
    expect(await codeOf(load({ certificate: leaf.certificatePem, privateKey: pem(Buffer.from('key'), label) }))).toBe(
      'PRIVATE_KEY_FORM_UNSUPPORTED',
    );
  });

  it('in a key file of a TPM that is damaged', async () => {
    const leaf = await authority.issue();
    const privateKey = pem(Buffer.from('key'), 'TSS2 PRIVATE KEY');
    expect(await codeOf(load({ certificate: leaf.certificatePem, privateKey }))).toBe('TPM_KEY_MALFORMED');
  });

  it.each(['PRIVATE KEY', 'EC PRIVATE KEY', 'RSA PRIVATE KEY'])('with garbage in its %s', async (label) => {
    const leaf = await authority.issue();
    expect(await codeOf(load({ certificate: leaf.certificatePem, privateKey: pem(Buffer.alloc(80, 7), label) }))).toBe(
      'PRIVATE_KEY_MALFORMED',
    );
  });
});

describe('an encrypted private key', () => {
  const encrypted = (key: KeyObject) =>
    key.export({ format: 'pem', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase: 'geheim' });

  it('opens with its passphrase', async () => {
    const { certificatePem: certificate, privateKey } = await authority.issue();
    await expect(load({ certificate, privateKey: encrypted(privateKey), secret: 'geheim' })).resolves.toBeDefined();
  });

  it('distinguishes a missing passphrase from a wrong one', async () => {
    const { certificatePem: certificate, privateKey } = await authority.issue();
    expect(await codeOf(load({ certificate, privateKey: encrypted(privateKey) }))).toBe('PASSPHRASE_MISSING');
    expect(await codeOf(load({ certificate, privateKey: encrypted(privateKey), secret: '' }))).toBe('PASSPHRASE_WRONG');
  });

  it('recognises every wrong passphrase, also if its padding happens to fit', async () => {
    const { certificatePem: certificate, privateKey } = await authority.issue();
    const key = encrypted(privateKey);
    const codes = new Set<string>();
    for (let attempt = 0; attempt < 600; attempt += 1) {
      codes.add(await codeOf(load({ certificate, privateKey: key, secret: `wrong ${attempt}` })));
    }
    expect([...codes]).toEqual(['PASSPHRASE_WRONG']);
  });

  it('never shows the passphrase', async () => {
    const { certificatePem: certificate, privateKey } = await authority.issue();
    const refusal = load({ certificate, privateKey: encrypted(privateKey), secret: 'not-the-passphrase' });
    await expect(refusal).rejects.toSatisfy(
      (error: Error) => !`${error.message} ${String(error.cause)}`.includes('not-the'),
    );
  });

  it('ignores a passphrase that is not needed', async () => {
    const { certificatePem: certificate, keyPem: privateKey } = await authority.issue();
    await expect(load({ certificate, privateKey, secret: 'geheim' })).resolves.toBeDefined();
  });

  it.each([
    ['PBKDF2 with 2^31 - 1 rounds', '2a864886f70d01050c', '02047fffffff'],
    ['scrypt with N = 2^20', '2b06010401da47040b', '0203100000' + '020108' + '020101'],
  ])('is rejected if deriving its key takes too long: %s', async (_, oid, numbers) => {
    const { certificatePem: certificate } = await authority.issue();
    const privateKey = pbes2(oid, numbers);
    expect(await codeOf(load({ certificate, privateKey, secret: 'geheim' }))).toBe('KEY_DERIVATION_TOO_COSTLY');
  });
});

describe('a damaged encrypted key is not reported as a wrong passphrase', () => {
  const rounds = '02020800';
  it.each([
    ['PBES1 with MD5 and DES', pbes1('2a864886f70d010503'), 'PRIVATE_KEY_ENCRYPTION_UNSUPPORTED'],
    [
      'PBES2 with AES-256-GCM',
      pbes2('2a864886f70d01050c', rounds, '60864801650304012e'),
      'PRIVATE_KEY_ENCRYPTION_UNSUPPORTED',
    ],
    [
      'scrypt with more memory than OpenSSL allows',
      pbes2('2b06010401da47040b', '0203020000020108020101'),
      'PRIVATE_KEY_ENCRYPTION_UNSUPPORTED',
    ],
    ['a file that was cut off', pbes2('2a864886f70d01050c', rounds).subarray(0, 100), 'PRIVATE_KEY_MALFORMED'],
  ])('%s', async (_, key, code) => {
    const { certificatePem: certificate } = await authority.issue();
    const privateKey = pem(key, 'ENCRYPTED PRIVATE KEY');
    expect(await codeOf(load({ certificate, privateKey, secret: 'geheim' }))).toBe(code);
  });

  it('the cost of a key is checked under any label', async () => {
    const { certificatePem: certificate } = await authority.issue();
    const privateKey = pem(pbes2('2a864886f70d01050c', '02047fffffff'), 'PRIVATE KEY');
    expect(await codeOf(load({ certificate, privateKey, secret: 'geheim' }))).toBe('PRIVATE_KEY_MALFORMED');
  });
});

describe('the old encryption of PEM', () => {
  /** By `openssl pkey -traditional -aes128` of OpenSSL 3.0. */
  const PEM = `-----BEGIN EC PRIVATE KEY-----
Proc-Type: 4,ENCRYPTED
DEK-Info: AES-128-CBC,0C9FEDAE683EB0DA186EFEB1C74417DB

TzIt8PV59PLU/ewlypPwoXUjcnQ3QIcl1iVQYkNLwNH27AYARi/YYoDPeDPK3grk
PKxSZigHTqlpR3r/0moqD8J+iZrFqp3ZgKTWegpMov9VsjoNCfH5LqXJ+esuTDyd
NhDnHdIg7L52B+lJQF5cpcc7gvSMUiTqCrvasNeUbk4=
-----END EC PRIVATE KEY-----
`;
  const open = (text: string, passphrase?: string): KeyObject =>
    readPrivateKey(
      { form: 'encrypted-pem', pem: text },
      passphrase === undefined ? undefined : new Secret(passphrase),
      'f',
    );

  it('opens with its passphrase', () => {
    expect(open(PEM, 'geheim').asymmetricKeyType).toBe('ec');
  });

  it.each<[string, string, string | undefined, string]>([
    ['no passphrase', PEM, undefined, 'PASSPHRASE_MISSING'],
    ['a wrong passphrase', PEM, 'falsch', 'PASSPHRASE_WRONG'],
    ['a wrong passphrase whose padding happens to fit', PEM, 'w636', 'PASSPHRASE_WRONG'],
    ['an unknown cipher', PEM.replace('AES-128', 'FOO'), 'geheim', 'PRIVATE_KEY_ENCRYPTION_UNSUPPORTED'],
  ])('is told apart: %s', (_, text, passphrase, code) => {
    expect(() => open(text, passphrase)).toThrow(expect.objectContaining({ code }) as Error);
  });

  it('the error about a passphrase says what it looks like', () => {
    expect(() => open(PEM, 'geheim ')).toThrow(
      /in f; what was read as the passphrase begins or ends with white space$/,
    );
  });
});

describe('a private key that is not decoded', () => {
  it.each<[string, EncodedKey, string, RegExp]>([
    ['in another form', { form: 'foreign', label: 'DSA key' }, 'PRIVATE_KEY_FORM_UNSUPPORTED', /^f holds a DSA key$/],
    ['of a TPM', { form: 'tss2', der: Buffer.of(0) }, 'PRIVATE_KEY_FORM_UNSUPPORTED', /TPM, which only signs$/],
    [
      'encrypted, but not DER',
      { form: 'encrypted-pkcs8', der: Buffer.of(0x30, 5) },
      'PRIVATE_KEY_MALFORMED',
      /^the .* f /,
    ],
    ['damaged', { form: 'sec1', der: Buffer.of(0x30, 0) }, 'PRIVATE_KEY_MALFORMED', /^the .* f cannot be decoded$/],
    [
      'with two million rounds of an unknown derivation',
      { form: 'encrypted-pkcs8', der: pbes2('2a864886f70d01057f', '02031e8480') },
      'PRIVATE_KEY_ENCRYPTION_UNSUPPORTED',
      /encryption or a type that Node/,
    ],
    [
      'encrypted, of an unknown type',
      { form: 'encrypted-pkcs8', der: pbes2('2a864886f70d01050c', '02020800', undefined, encryptedUnknown()) },
      'PRIVATE_KEY_ENCRYPTION_UNSUPPORTED',
      /^the private key in f has an encryption or a type/,
    ],
    [
      'with one more',
      { form: 'encrypted-pkcs8', der: pbes2('2a864886f70d01057f', '02031e8481') },
      'KEY_DERIVATION_TOO_COSTLY',
      /^f is encrypted with 2000001 rounds/,
    ],
  ])('is named: %s', (_, key, code, message) => {
    expect(() => readPrivateKey(key, new Secret('geheim'), 'f')).toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(message) as string }) as Error,
    );
  });
});

describe('ML-DSA', () => {
  const kinds = [
    ['ML-DSA-44', '608648016503040311'],
    ['ML-DSA-65', '608648016503040312'],
    ['ML-DSA-87', '608648016503040313'],
  ] as const;
  const nodeSigns = Number(process.versions.node.split('.')[0]) >= 24;

  it.runIf(nodeSigns).each(kinds)('%s signs', async (_, oid) => {
    const { createPrivateKey, createPublicKey, verify } = await import('node:crypto');
    const privateKey = createPrivateKey({ key: mlDsaKey(oid), format: 'der', type: 'pkcs8' });
    const publicKey = createPublicKey(privateKey);
    const leaf = await authority.issue({ keys: { privateKey, publicKey } });
    const { identity } = await load({ certificate: leaf.certificatePem, privateKey: leaf.keyPem });
    expect(identity.algorithm).toBe('AWS4-X509-MLDSA');
    const signature = await sign(identity, Buffer.from('data'), new AbortController().signal);
    expect(verify(null, Buffer.from('data'), publicKey, signature)).toBe(true);
  });

  it.skipIf(nodeSigns).each(kinds)('%s is rejected with the Node version that it needs', async (name, oid) => {
    const { certificatePem: certificate } = await authority.issue();
    await expect(load({ certificate, privateKey: mlDsaKey(oid) })).rejects.toMatchObject({
      code: 'ML_DSA_NEEDS_NEWER_NODE',
      message: expect.stringContaining(name) as string,
      remedy: expect.stringContaining('Node 24') as string,
    });
  });

  it('that is damaged is reported as such, by a Node that reads others', async () => {
    const [major = 0, minor = 0] = process.versions.openssl.split('.').map(Number);
    const isKnown = major > 3 || (major === 3 && minor >= 5);
    const { certificatePem: certificate } = await authority.issue();
    const privateKey = sequence('020100', sequence(der('06', '608648016503040311')), der('04', '0500'));
    expect(await codeOf(load({ certificate, privateKey }))).toBe(
      isKnown ? 'PRIVATE_KEY_MALFORMED' : 'ML_DSA_NEEDS_NEWER_NODE',
    );
  });

  /** The form of RFC 9881 section 6 that has the seed only. */
  function mlDsaKey(oid: string): Buffer {
    return sequence('020100', sequence(der('06', oid)), der('04', der('80', '07'.repeat(32))));
  }
});

function rsaKey(modulus: bigint): Buffer {
  const number = (value: bigint) => der('02', `00${hex(value)}`);
  return sequence('020100', number(modulus), ...[65537n, 3n, 3n, 5n, 1n, 1n, 1n].map(number));
}

function pbes1(oid: string): Buffer {
  return sequence(
    sequence(der('06', oid), sequence(der('04', '00'.repeat(8)), '02020800')),
    der('04', '00'.repeat(64)),
  );
}

/** EncryptedPrivateKeyInfo with the given key derivation and cipher, AES-256-CBC unless given. */
function pbes2(
  kdf: string,
  numbers: string,
  cipherOid = '60864801650304012a',
  encrypted = Buffer.alloc(64).toString('hex'),
): Buffer {
  const derivation = sequence(der('06', kdf), sequence(der('04', '00'.repeat(8)), numbers));
  const cipher = sequence(der('06', cipherOid), der('04', '00'.repeat(16)));
  const algorithm = sequence(der('06', '2a864886f70d01050d'), sequence(derivation, cipher));
  return sequence(algorithm, der('04', encrypted));
}

/** PKCS#8 of a type that nobody knows (1.2.3.4), encrypted as `pbes2` says. */
function encryptedUnknown(): string {
  const key = sequence('020100', sequence(der('06', '2a0304')), der('04', '00'));
  const derived = pbkdf2Sync('geheim', Buffer.alloc(8), 2048, 32, 'sha1');
  const cipher = createCipheriv('aes-256-cbc', derived, Buffer.alloc(16));
  return Buffer.concat([cipher.update(key), cipher.final()]).toString('hex');
}
