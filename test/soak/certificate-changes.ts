import { createPrivateKey, createPublicKey, type KeyObject, randomUUID, webcrypto, X509Certificate } from 'node:crypto';
import { readFile, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type Issued, issueLeaf } from '../../src/emulator/account/pki.ts';
import { x509 } from '../../src/emulator/account/x509.ts';
import { breaks } from './breaks.ts';
import type { Dice } from './dice.ts';

// How renewal tools change the files of a running daemon: correctly (one rename for each file), and
// in practice.

/** A certificate with its chain, and its key. */
interface Pair {
  readonly certificate: string;
  readonly key: string;
}

interface Files {
  readonly certificate: string;
  readonly key: string;
}

type Change = (files: Files, pair: Pair, wait: () => Promise<unknown>) => Promise<void>;

async function renameOver(file: string, content: string): Promise<void> {
  await writeFile(`${file}.new`, content, { mode: 0o600 });
  await rename(`${file}.new`, file);
}

/** Several versions, as Kubernetes and certbot keep them; the previous one stays. */
async function linkOver(file: string, content: string): Promise<void> {
  const version = `${file}.${randomUUID()}`;
  await writeFile(version, content, { mode: 0o600 });
  await symlink(version, `${file}.new`);
  await rename(`${file}.new`, file);
}

const CHANGES: Readonly<Record<string, Change>> = {
  'renamed over': async ({ certificate, key }, pair) => {
    await renameOver(key, pair.key);
    await renameOver(certificate, pair.certificate);
  },
  'certificate first, key later': async ({ certificate, key }, pair, wait) => {
    await renameOver(certificate, pair.certificate);
    await wait();
    await renameOver(key, pair.key);
  },
  'key first, certificate later': async ({ certificate, key }, pair, wait) => {
    await renameOver(key, pair.key);
    await wait();
    await renameOver(certificate, pair.certificate);
  },
  'written in place, half at first': async ({ certificate, key }, pair, wait) => {
    await writeFile(certificate, pair.certificate.slice(0, pair.certificate.length / 3));
    await wait();
    await writeFile(certificate, pair.certificate);
    await writeFile(key, pair.key.slice(0, 40));
    await wait();
    await writeFile(key, pair.key);
  },
  'the wrong way round for a while': async ({ certificate, key }, pair, wait) => {
    await renameOver(certificate, pair.key);
    await renameOver(key, pair.certificate);
    await wait();
    await renameOver(certificate, pair.certificate);
    await renameOver(key, pair.key);
  },
  'by symbolic links': async ({ certificate, key }, pair, wait) => {
    await linkOver(certificate, pair.certificate);
    await wait();
    await linkOver(key, pair.key);
  },
  'empty for a while': async ({ certificate, key }, pair, wait) => {
    await truncate(certificate);
    await truncate(key);
    await wait();
    await writeFile(key, pair.key);
    await writeFile(certificate, pair.certificate);
  },
  'gone for a while': async ({ certificate, key }, pair, wait) => {
    await rm(certificate);
    await rm(key);
    await wait();
    await renameOver(key, pair.key);
    await renameOver(certificate, pair.certificate);
  },
};

/**
 * Renews the device's certificate at random until the signal aborts. Ends with a complete pair.
 * Returns the number of renewals.
 */
export async function certificateChanges(directory: string, dice: Dice, signal: AbortSignal): Promise<number> {
  const issuer = await intermediateOf(directory);
  const files = { certificate: path.join(directory, 'device.pem'), key: path.join(directory, 'device.key') };
  const pause = breaks(signal);
  let count = 0;
  while (await pause(dice.between(2, 10))) {
    const change = dice.oneOf(Object.values(CHANGES));
    await change(files, await newPair(issuer), () => pause(dice.between(0.5, 8)));
    count += 1;
  }
  return count;
}

/** The intermediate CA of an emulated account, to issue certificates. */
async function intermediateOf(directory: string): Promise<Issued> {
  const certificatePem = await readFile(path.join(directory, 'intermediate-ca.pem'), 'utf8');
  const privateKeyPem = await readFile(path.join(directory, 'intermediate-ca.key'), 'utf8');
  const key = createPrivateKey(privateKeyPem);
  const der = new X509Certificate(certificatePem).raw;
  const certificate = new x509.X509Certificate(der);
  return { certificate, keys: await keysOf(key), der, certificatePem, privateKeyPem };
}

async function keysOf(key: KeyObject): Promise<webcrypto.CryptoKeyPair> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256' };
  const importing = (form: 'pkcs8' | 'spki', from: KeyObject, use: 'sign' | 'verify'): Promise<webcrypto.CryptoKey> =>
    webcrypto.subtle.importKey(form, from.export({ format: 'der', type: form }), algorithm, true, [use]);
  return {
    privateKey: await importing('pkcs8', key, 'sign'),
    publicKey: await importing('spki', createPublicKey(key), 'verify'),
  };
}

async function newPair(issuer: Issued): Promise<Pair> {
  const subject = [
    { type: 'O', value: 'Example' },
    { type: 'OU', value: 'Devices' },
    { type: 'CN', value: 'device-0001' },
  ] as const;
  const now = Date.now();
  const request = { subject, notBefore: now - 60_000, notAfter: now + 86_400_000 };
  const { certificatePem, privateKeyPem } = await issueLeaf(request, issuer);
  return { certificate: certificatePem + issuer.certificatePem, key: privateKeyPem };
}
