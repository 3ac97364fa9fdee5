// Every form in which people have keys, made by OpenSSL on the spot; every signature is verified by OpenSSL.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pem } from '../support/pki.ts';
import { sign } from '../support/signer.ts';
import { describeWith, hasTool } from '../support/tools.ts';
import { codeOf, load, type Written } from './identity-directory.ts';

const KEYS = {
  'RSA-2048': ['RSA', 'rsa_keygen_bits:2048'],
  'RSA-3072': ['RSA', 'rsa_keygen_bits:3072'],
  'RSA-4096': ['RSA', 'rsa_keygen_bits:4096'],
  'P-256': ['EC', 'ec_paramgen_curve:P-256'],
  'P-384': ['EC', 'ec_paramgen_curve:P-384'],
  'P-521': ['EC', 'ec_paramgen_curve:P-521'],
} as const;
type KeyName = keyof typeof KEYS;
const KEY_NAMES = Object.keys(KEYS) as KeyName[];

const PASSPHRASE = 'geheim';
const UNICODE = 'Grüße, 世界 🔑';

let directory = '';

describeWith(
  'OpenSSL 3',
  hasTool('openssl', 'version') && openssl('version').startsWith('OpenSSL 3'),
  'OpenSSL',
  () => {
    beforeAll(() => {
      directory = mkdtempSync(join(tmpdir(), 'imds-anywhere-openssl-'));
      makeAuthorities();
      for (const name of KEY_NAMES) makeLeaf(name);
    });

    afterAll(() => {
      rmSync(directory, { recursive: true });
    });

    describe.each(KEY_NAMES)('%s', (name) => {
      it.each(Object.entries(keyForms()))('as %s', async (_, form) => {
        await expectSignature(name, { certificate: pemOf(name), ...form(name) });
      });

      it('with its whole chain, in any order', async () => {
        const chain = [file('intermediate.pem'), pemOf(name), file('root.pem')].join('');
        await expectSignature(name, { certificate: chain, privateKey: file(`${name}.key`) }, 1);
      });

      it('with its chain in PKCS#12', async () => {
        writeFileSync(join(directory, 'chain.pem'), Buffer.concat([file('root.pem'), file('intermediate.pem')]));
        const certificate = pkcs12(name, PASSPHRASE, '-certfile', 'chain.pem');
        await expectSignature(name, { certificate, secret: PASSPHRASE }, 1);
      });
    });

    // What is in the bags is another code path for RSA than for everything else.
    describe.each(['RSA-2048', 'P-256'] as const)('%s', (name) => {
      it.each(Object.entries(pkcs12Forms()))(
        'in PKCS#12 %s',
        async (_, { args, passphrase = PASSPHRASE, secret = passphrase }) => {
          const certificate = pkcs12(name, passphrase, ...args);
          await expectSignature(name, { certificate, ...(secret === 'none' ? {} : { secret }) });
        },
      );
    });

    describe('old ciphers', () => {
      it.runIf(hasLegacyProvider())('RC2 in PKCS#12 opens', async () => {
        const certificate = pkcs12('RSA-2048', PASSPHRASE, '-legacy');
        await expectSignature('RSA-2048', { certificate, secret: PASSPHRASE });
      });

      it.runIf(hasLegacyProvider())('RC2 in PKCS#12 opens with a passphrase in Unicode', async () => {
        const certificate = pkcs12('P-256', UNICODE, '-legacy');
        await expectSignature('P-256', { certificate, secret: UNICODE });
      });
    });

    describe('the wrong passphrase', () => {
      it.each(['PASSPHRASE_WRONG', 'PASSPHRASE_MISSING'])('for PKCS#12: %s', async (code) => {
        const certificate = pkcs12('P-256', PASSPHRASE);
        expect(await codeOf(load({ certificate, ...(code === 'PASSPHRASE_WRONG' ? { secret: UNICODE } : {}) }))).toBe(
          code,
        );
      });

      it('for PKCS#12 without a MAC', async () => {
        const certificate = pkcs12('P-256', PASSPHRASE, '-nomac');
        expect(await codeOf(load({ certificate }))).toBe('PASSPHRASE_MISSING');
      });

      it('for the old PEM encryption', async () => {
        const privateKey = traditional('P-256', '-aes256', '-passout', `pass:${PASSPHRASE}`);
        const written = { certificate: pemOf('P-256'), privateKey };
        expect(await codeOf(load({ ...written, secret: 'wrong' }))).toBe('PASSPHRASE_WRONG');
        expect(await codeOf(load(written))).toBe('PASSPHRASE_MISSING');
      });
    });

    describe('PKCS#12 that cannot be opened says why', () => {
      const made = (): Buffer => pkcs12('P-256', PASSPHRASE);
      const files: Record<string, [() => Buffer, string, RegExp]> = {
        'a MAC with SHA-3': [
          () => pkcs12('P-256', PASSPHRASE, '-macalg', 'SHA3-256'),
          'PKCS12_UNREADABLE',
          /HMAC-SHA3-256/,
        ],
        PBMAC1: [() => withPbmac1(made()), 'PKCS12_UNREADABLE', /PBMAC1/],
        base64: [() => Buffer.from(made().toString('base64')), 'IDENTITY_FILE_UNKNOWN_FORMAT', /base64 of a PKCS#12/],
        'PEM armour': [() => Buffer.from(pem(made(), 'PKCS12')), 'IDENTITY_FILE_UNKNOWN_FORMAT', /PKCS12 block/],
        'bytes after it': [() => Buffer.concat([made(), Buffer.from('junk')]), 'PKCS12_UNREADABLE', /bytes remain/],
      };

      it.each(Object.entries(files))('%s', async (_, [content, code, reason]) => {
        const loading = load({ certificate: content(), secret: PASSPHRASE });
        await expect(loading).rejects.toMatchObject({ code, message: expect.stringMatching(reason) as string });
      });

      it('opens with a newline after it', async () => {
        const certificate = Buffer.concat([made(), Buffer.from('\n')]);
        await expectSignature('P-256', { certificate, secret: PASSPHRASE });
      });

      /** The digest of the MAC, which comes last, by the object identifier of PBMAC1; its length stays. */
      function withPbmac1(store: Buffer): Buffer {
        const sha256 = Buffer.from('0609608648016503040201', 'hex');
        const at = store.lastIndexOf(sha256);
        return Buffer.concat([
          store.subarray(0, at),
          Buffer.from('06092a864886f70d01050e', 'hex'),
          store.subarray(at + 11),
        ]);
      }
    });

    it('rejects PKCS#12 that takes too long to open', async () => {
      const certificate = pkcs12('P-256', PASSPHRASE, '-iter', '400000');
      expect(await codeOf(load({ certificate, secret: PASSPHRASE }))).toBe('KEY_DERIVATION_TOO_COSTLY');
    });

    it('opens a key with a million rounds', async () => {
      const written = encrypted('P-256', '-v2', 'aes-256-cbc', '-iter', '1000000');
      await expectSignature('P-256', { certificate: pemOf('P-256'), ...written });
    });

    it('accepts explicit curve parameters of a known curve', async () => {
      openssl('ecparam', '-name', 'secp256k1', '-genkey', '-param_enc', 'explicit', '-noout', '-out', 'explicit.key');
      expect(await codeOf(load({ certificate: pemOf('P-256'), privateKey: file('explicit.key') }))).toBe(
        'KEY_CURVE_UNSUPPORTED',
      );
    });
  },
);

/** Key files, from the PKCS#8 that genpkey writes. */
function keyForms(): Record<string, (name: KeyName) => Omit<Written, 'certificate'>> {
  return {
    'PKCS#8': (name) => ({ privateKey: file(`${name}.key`) }),
    'PKCS#8 in DER': (name) => ({ privateKey: pkcs8(name, '-nocrypt', '-outform', 'DER') }),
    'PKCS#1 or SEC1': (name) => ({ privateKey: traditional(name) }),
    'PKCS#1 or SEC1 in DER': (name) => ({ privateKey: traditional(name, '-outform', 'DER') }),
    'PKCS#1 or SEC1 after EC PARAMETERS': (name) => ({ privateKey: ecParameters(name) + traditional(name).toString() }),
    'AES-128, HMAC-SHA1': (name) => encrypted(name, '-v2', 'aes-128-cbc', '-v2prf', 'hmacWithSHA1'),
    'AES-192, HMAC-SHA256': (name) => encrypted(name, '-v2', 'aes-192-cbc', '-v2prf', 'hmacWithSHA256'),
    'AES-256, HMAC-SHA384': (name) => encrypted(name, '-v2', 'aes-256-cbc', '-v2prf', 'hmacWithSHA384'),
    'AES-256, HMAC-SHA512': (name) => encrypted(name, '-v2', 'aes-256-cbc', '-v2prf', 'hmacWithSHA512'),
    'AES-256 in DER': (name) => encrypted(name, '-v2', 'aes-256-cbc', '-outform', 'DER'),
    scrypt: (name) => encrypted(name, '-scrypt'),
    'PBES1 with 3DES': (name) => encrypted(name, '-v1', 'PBE-SHA1-3DES'),
    'Proc-Type with AES-256': (name) => encryptedTraditional(name, '-aes256'),
    'Proc-Type with 3DES': (name) => encryptedTraditional(name, '-des3'),
    'a passphrase in Unicode': (name) => ({
      privateKey: pkcs8(name, '-v2', 'aes-256-cbc', '-passout', `pass:${UNICODE}`),
      secret: UNICODE,
    }),
  };
}

interface Pkcs12Form {
  readonly args: readonly string[];
  /** Given to OpenSSL. */
  readonly passphrase?: string;
  /** Given to us, where it differs; `none` configures no passphrase. */
  readonly secret?: string;
}

function pkcs12Forms(): Record<string, Pkcs12Form> {
  const tripleDes = ['-certpbe', 'PBE-SHA1-3DES', '-keypbe', 'PBE-SHA1-3DES', '-macalg', 'SHA1'];
  const plain = ['-certpbe', 'NONE', '-keypbe', 'NONE'];
  return {
    'as OpenSSL 3 writes it': { args: [] },
    'with 3DES': { args: tripleDes },
    'with HMAC-SHA512': { args: ['-macalg', 'SHA512'] },
    'without a MAC': { args: ['-nomac'] },
    'without encryption': { args: plain },
    'without encryption or MAC, and no passphrase': { args: [...plain, '-nomac'], secret: 'none' },
    'with an empty passphrase': { args: [], passphrase: '' },
    'with an empty passphrase, and none configured': { args: [], passphrase: '', secret: 'none' },
    'with an empty passphrase, 3DES, and none configured': { args: tripleDes, passphrase: '', secret: 'none' },
    'with a passphrase in Unicode': { args: [], passphrase: UNICODE },
    'with a passphrase in Unicode and 3DES': { args: tripleDes, passphrase: UNICODE },
    'with a passphrase in Unicode and no MAC': { args: ['-nomac'], passphrase: UNICODE },
  };
}

async function expectSignature(name: KeyName, written: Written, intermediates = 0): Promise<void> {
  const { identity, warnings } = await load(written, Date.now());
  const data = join(directory, 'data');
  const signature = join(directory, 'signature');
  writeFileSync(data, 'string to sign');
  writeFileSync(signature, await sign(identity, readFileSync(data), new AbortController().signal));
  expect(openssl('dgst', '-sha256', '-verify', `${name}.pub`, '-signature', signature, data)).toContain('Verified OK');
  expect(identity.algorithm).toBe(name.startsWith('RSA') ? 'AWS4-X509-RSA-SHA256' : 'AWS4-X509-ECDSA-SHA256');
  expect(identity.certificate).toEqual(opensslBytes('x509', '-in', `${name}.pem`, '-outform', 'DER'));
  expect(identity.chain).toHaveLength(intermediates);
  expect(warnings).toEqual([]);
}

function makeAuthorities(): void {
  const ca = 'basicConstraints=critical,CA:TRUE';
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '30'];
  openssl('req', '-x509', ...key, '-subj', '/CN=Root', '-addext', ca, '-keyout', 'root.key', '-out', 'root.pem');
  openssl(
    'req',
    ...key.slice(0, 5),
    '-subj',
    '/CN=Intermediate',
    '-keyout',
    'intermediate.key',
    '-out',
    'intermediate.csr',
  );
  certify('intermediate', 'root', `${ca}\nkeyUsage=keyCertSign`);
}

function makeLeaf(name: KeyName): void {
  const [algorithm, option] = KEYS[name];
  openssl('genpkey', '-algorithm', algorithm, '-pkeyopt', option, '-out', `${name}.key`);
  openssl('pkey', '-in', `${name}.key`, '-pubout', '-out', `${name}.pub`);
  openssl('req', '-new', '-key', `${name}.key`, '-subj', `/O=Example/CN=${name}`, '-out', `${name}.csr`);
  certify(name, 'intermediate', 'keyUsage=digitalSignature');
}

function certify(name: string, issuer: string, extensions: string): void {
  writeFileSync(join(directory, 'extensions'), extensions);
  const by = ['-CA', `${issuer}.pem`, '-CAkey', `${issuer}.key`, '-CAcreateserial'];
  openssl('x509', '-req', '-in', `${name}.csr`, ...by, '-days', '20', '-extfile', 'extensions', '-out', `${name}.pem`);
}

function pkcs8(name: KeyName, ...args: string[]): Buffer {
  return opensslBytes('pkcs8', '-topk8', '-in', `${name}.key`, ...args);
}

function encrypted(name: KeyName, ...args: string[]): Omit<Written, 'certificate'> {
  return { privateKey: pkcs8(name, ...args, '-passout', `pass:${PASSPHRASE}`), secret: PASSPHRASE };
}

function traditional(name: KeyName, ...args: string[]): Buffer {
  return opensslBytes('pkey', '-in', `${name}.key`, '-traditional', ...args);
}

function encryptedTraditional(name: KeyName, cipher: string): Omit<Written, 'certificate'> {
  return { privateKey: traditional(name, cipher, '-passout', `pass:${PASSPHRASE}`), secret: PASSPHRASE };
}

function ecParameters(name: KeyName): string {
  return name.startsWith('RSA') ? '' : openssl('ecparam', '-name', name);
}

function pkcs12(name: KeyName, passphrase: string, ...args: string[]): Buffer {
  const of = ['-inkey', `${name}.key`, '-in', `${name}.pem`, '-passout', `pass:${passphrase}`];
  return opensslBytes('pkcs12', '-export', ...of, ...args);
}

function pemOf(name: KeyName): Buffer {
  return file(`${name}.pem`);
}

function file(name: string): Buffer {
  return readFileSync(join(directory, name));
}

function hasLegacyProvider(): boolean {
  return hasTool('openssl', 'list', '-providers', '-provider', 'legacy');
}

function openssl(...args: string[]): string {
  return opensslBytes(...args).toString();
}

function opensslBytes(...args: string[]): Buffer {
  return execFileSync('openssl', args, { cwd: directory || undefined, stdio: ['ignore', 'pipe', 'pipe'] });
}
