import { webcrypto } from 'node:crypto';
import { readFileSync } from 'node:fs';
import forge from 'node-forge';
import { x509 } from '../../src/emulator/account/x509.ts';
import { type Authority, type Issued, type KeyKind, makeAuthority, makeKeys } from '../support/pki.ts';

/** Also of test/identity/device.p12. */
export const PASSPHRASE = 'geheim';

/** Valid files to start from. */
export interface FuzzedFiles {
  /** PEM: certificate, key, chain. */
  readonly identityFiles: readonly string[];
  /** P-256. */
  readonly certificate: Issued;
  /** Keys, each with the PEM label of its form and its certificate. */
  readonly keyFiles: readonly { readonly label: string; readonly der: Buffer; readonly other: string }[];
  /** DER of PKCS#12: without encryption and MAC, and with both. */
  readonly archives: { readonly plain: Buffer; readonly encrypted: Buffer };
  readonly authority: Authority;
  /** DER. */
  readonly revocationList: Buffer;
}

const KINDS: readonly KeyKind[] = ['P-256', 'P-384', 'P-521', 'RSA-2048'];

export async function fuzzedFiles(): Promise<FuzzedFiles> {
  const authority = await makeAuthority();
  const intermediate = await authority.subordinate('Intermediate');
  const chain = intermediate.certificatePem + authority.certificatePem;
  const leaves = await Promise.all(KINDS.map((kind) => intermediate.issue({ keys: makeKeys(kind) })));
  return {
    identityFiles: leaves.flatMap((leaf) => pemForms(leaf).map((key) => leaf.certificatePem + key + chain)),
    certificate: await intermediate.issue(),
    keyFiles: leaves.flatMap(derForms),
    archives: {
      plain: plainArchive(await intermediate.issue({ keys: makeKeys('RSA-2048') })),
      encrypted: readFileSync(new URL('../identity/device.p12', import.meta.url)),
    },
    authority,
    revocationList: await revocationList(),
  };
}

function traditional({ privateKey }: Issued): 'pkcs1' | 'sec1' {
  return privateKey.asymmetricKeyType === 'rsa' ? 'pkcs1' : 'sec1';
}

const ENCRYPTION = { cipher: 'aes-256-cbc', passphrase: PASSPHRASE };

function pemForms(leaf: Issued): string[] {
  const { privateKey, keyPem } = leaf;
  const type = traditional(leaf);
  return [
    keyPem,
    privateKey.export({ format: 'pem', type }).toString(),
    privateKey.export({ format: 'pem', type: 'pkcs8', ...ENCRYPTION }).toString(),
    privateKey.export({ format: 'pem', type, ...ENCRYPTION }).toString(),
  ];
}

function derForms(leaf: Issued): FuzzedFiles['keyFiles'] {
  const { privateKey, certificatePem: other } = leaf;
  const type = traditional(leaf);
  const label = type === 'pkcs1' ? 'RSA PRIVATE KEY' : 'EC PRIVATE KEY';
  return [
    { label: 'PRIVATE KEY', der: privateKey.export({ format: 'der', type: 'pkcs8' }), other },
    { label, der: privateKey.export({ format: 'der', type }), other },
    {
      label: 'ENCRYPTED PRIVATE KEY',
      der: privateKey.export({ format: 'der', type: 'pkcs8', ...ENCRYPTION }),
      other,
    },
  ];
}

function plainArchive({ privateKey, certificatePem }: Issued): Buffer {
  const key = forge.pki.privateKeyFromPem(privateKey.export({ format: 'pem', type: 'pkcs1' }).toString());
  const certificate = forge.pki.certificateFromPem(certificatePem);
  const archive = forge.pkcs12.toPkcs12Asn1(key, [certificate], null, { useMac: false });
  return Buffer.from(forge.asn1.toDer(archive).getBytes(), 'latin1');
}

async function revocationList(): Promise<Buffer> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const { privateKey } = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const list = await x509.X509CrlGenerator.create({
    issuer: 'CN=Root,O=Example PKI',
    thisUpdate: new Date('2026-01-01T00:00:00Z'),
    nextUpdate: new Date('2027-01-01T00:00:00Z'),
    entries: [{ serialNumber: '0123', revocationDate: new Date('2026-02-01T00:00:00Z') }],
    signingAlgorithm: algorithm,
    signingKey: privateKey,
  });
  return Buffer.from(list.rawData);
}
