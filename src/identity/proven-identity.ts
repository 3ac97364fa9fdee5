import { createPublicKey, type KeyObject, randomBytes } from 'node:crypto';
import { credentialCopy } from '../foundation/credential-copy.ts';
import { CodedError, messageOf } from '../foundation/errors.ts';
import type { Secret } from '../foundation/secret.ts';
import type { KeySource } from '../keys/key-source.ts';
import { isSignatureBy, signInProcess } from '../keys/signer.ts';
import type { FileKey, SigningAlgorithm, SigningKey } from '../keys/signing-key.ts';
import { type Certificate, readCertificate } from './certificate.ts';
import type { IdentityContent } from './identity-content.ts';
import { identityError } from './identity-errors.ts';
import { readPrivateKey } from './private-key.ts';
import { signingAlgorithm } from './signing-algorithm.ts';
import { checkSigningCertificate, expiryWarning, oddities, WEAK_HASHES } from './signing-certificate.ts';
import {
  chainFor,
  chainToAnchor,
  endEntities,
  isValidAt,
  leavesFor,
  reachesAnchor,
  type SigningChain,
} from './signing-chain.ts';
import type { LoadedIdentity, SigningIdentity } from './signing-identity.ts';

/** The content of the files of one identity. */
export interface IdentityMaterial {
  readonly certificate: IdentityContent;
  /** The same object as `certificate` if one file has both. */
  readonly privateKey: IdentityContent | OutsideKeyContent;
  readonly intermediates: IdentityContent | undefined;
  /** The certificates of the trust anchor, if configured. */
  readonly trustAnchorBundle: IdentityContent | undefined;
}

/** A key that signs in its own place. */
export interface OutsideKeyContent {
  /** Its name in messages. */
  readonly path: string;
  readonly source: KeySource;
  readonly secret: KeyObject | undefined;
  /** The possible keys; undefined: the certificate identifies it. */
  readonly publicKeys: readonly KeyObject[] | undefined;
}

/**
 * Finds the private key's certificate and its chain, and proves by a signature that they belong
 * together. For a key that signs in its own place, the caller does that, because it takes another
 * process.
 *
 * @throws CodedError for the first problem.
 */
export function provenIdentity(
  material: IdentityMaterial,
  passphrase: Secret | undefined,
  now: number,
): LoadedIdentity {
  const { publicKeys, keyFor } = keysIn(material.privateKey, passphrase);
  const certificates = certificatesIn(material);
  const anchor = material.trustAnchorBundle && certificatesOf(material.trustAnchorBundle);
  const leaves = publicKeys
    ? publicKeys.flatMap((publicKey) => leavesFor(publicKey, certificates, now))
    : endEntities(certificates, now);
  const leaf = (anchor && leaves.find((one) => reachesAnchor(one, certificates, anchor, now))) ?? leaves[0];
  if (!leaf) throw mismatch(material, certificates);
  checkSigningCertificate(leaf, now);
  const key = keyFor(leaf);
  if (key.key.kind === 'file') testPair(leaf, key.algorithm, key.key);
  const chain = anchor ? chainToAnchor(leaf, certificates, anchor, now) : chainFor(leaf, certificates, now);
  return {
    identity: identityOf(leaf, chain, key),
    warnings: [...warningsFor(leaf, chain, now), ...skippedIn(material)],
  };
}

interface Keys {
  /** Undefined: the certificate identifies the key. */
  readonly publicKeys: readonly KeyObject[] | undefined;
  /** A signer for a certificate with one of these public keys. */
  readonly keyFor: (leaf: Certificate) => SigningKey;
}

function keysIn(content: IdentityContent | OutsideKeyContent, passphrase: Secret | undefined): Keys {
  return 'source' in content ? keysOutside(content) : keyInFile(content, passphrase);
}

/** OpenSSL decodes some damaged keys and fails when they are first used. */
function keyInFile(content: IdentityContent, passphrase: Secret | undefined): Keys {
  const { path } = content;
  const privateKey = privateKeyIn(content, passphrase);
  try {
    const key: SigningKey = { algorithm: signingAlgorithm(privateKey, path), key: { kind: 'file', privateKey } };
    return { publicKeys: [createPublicKey(privateKey)], keyFor: () => key };
  } catch (error) {
    if (error instanceof CodedError) throw error;
    throw identityError('PRIVATE_KEY_MALFORMED', `the private key in ${path} cannot be used`, error);
  }
}

function keysOutside({ path, source, secret, publicKeys }: OutsideKeyContent): Keys {
  const keyFor = ({ publicKey }: Certificate): SigningKey => {
    if (!publicKey) throw identityError('KEY_TYPE_UNSUPPORTED', `${path} holds a key of a type unknown to this Node`);
    return { algorithm: signingAlgorithm(publicKey, path), key: { ...source, secret, publicKey } };
  };
  return { publicKeys, keyFor };
}

function privateKeyIn({ path, keys, found }: IdentityContent, passphrase: Secret | undefined): KeyObject {
  const [key, another] = keys;
  if (!key) throw identityError('NO_PRIVATE_KEY', `${path} holds no private key, only: ${found.join(', ')}`);
  if (another) throw identityError('SEVERAL_PRIVATE_KEYS', `${path} holds ${keys.length} private keys`);
  return readPrivateKey(key, passphrase, path);
}

/**
 * A chain has at most six. A trust store, configured by mistake, has hundreds, and takes that many
 * milliseconds to read.
 */
const MOST_CERTIFICATES = 64;

/** The file of the key counts too, because some put the chain there. */
function certificatesIn({ certificate, intermediates, privateKey }: IdentityMaterial): Certificate[] {
  const named = [certificate, ...(intermediates ? [intermediates] : [])];
  const isBeside = 'certificates' in privateKey && privateKey.certificates.length > 0 && !named.includes(privateKey);
  const neighbours = isBeside ? [privateKey] : [];
  const all = [...named, ...neighbours].flatMap(certificatesOf);
  return [...new Map(all.map((each) => [each.fingerprint, each])).values()];
}

function certificatesOf({ path, certificates, found }: IdentityContent): Certificate[] {
  const count = certificates.length;
  if (count === 0) throw identityError('NO_CERTIFICATE', `${path} holds no certificate, only: ${found.join(', ')}`);
  if (count > MOST_CERTIFICATES) throw identityError('TOO_MANY_CERTIFICATES', `${path} holds ${count} certificates`);
  return certificates.map((der, index) => parsed(der, `certificate ${index + 1} of ${count} in ${path}`));
}

function parsed(der: Buffer, which: string): Certificate {
  try {
    return readCertificate(der);
  } catch (error) {
    throw identityError('CERTIFICATE_MALFORMED', `${which} cannot be decoded: ${messageOf(error)}`, error);
  }
}

function mismatch({ certificate, privateKey }: IdentityMaterial, certificates: readonly Certificate[]): CodedError {
  const subjects = certificates.slice(0, 3).map(({ subjectText }) => subjectText);
  const more = certificates.length > 3 ? ', ...' : '';
  const copy = credentialCopy(privateKey.path);
  return identityError(
    copy ? 'KEY_CREDENTIAL_OUTDATED' : 'KEY_CERTIFICATE_MISMATCH',
    `${copy ? `systemd copied it when it started ${copy.unit}: ` : ''}the private key in ${privateKey.path} belongs to no certificate in ${certificate.path} (${subjects.join('; ')}${more})`,
  );
}

/**
 * Equal public keys are only a claim of the files. A signature proves that the private half is
 * intact.
 */
function testPair(leaf: Certificate, algorithm: SigningAlgorithm, { privateKey }: FileKey): void {
  const data = randomBytes(32);
  let cause: unknown;
  try {
    const signature = signInProcess(privateKey, algorithm, data);
    if (leaf.publicKey && isSignatureBy(leaf.publicKey, algorithm, data, signature)) return;
  } catch (error) {
    cause = error;
  }
  const what = `the certificate ${leaf.subjectText} does not verify a signature of its key`;
  throw identityError('KEY_SELF_TEST_FAILED', what, cause);
}

function identityOf(leaf: Certificate, { chain }: SigningChain, key: SigningKey): SigningIdentity {
  return Object.freeze({
    certificate: leaf.der,
    chain: Object.freeze(chain.map(({ der }) => der)),
    algorithm: key.algorithm,
    key: key.key,
    serial: leaf.serial,
    subject: leaf.subjectText,
    issuer: leaf.issuerText,
    notBefore: leaf.notBefore,
    notAfter: leaf.notAfter,
    fingerprint: leaf.fingerprint,
  });
}

function skippedIn({ certificate, intermediates }: IdentityMaterial): CodedError[] {
  return [certificate, ...(intermediates && intermediates !== certificate ? [intermediates] : [])]
    .filter(({ skipped }) => skipped.length > 0)
    .map(({ path, skipped }) => {
      const named = skipped.slice(0, 5).join(', ') + (skipped.length > 5 ? ', ...' : '');
      return identityError('CERTIFICATE_BLOCKS_SKIPPED', `${path}: skipped ${named}`);
    });
}

/** The most urgent first. */
function warningsFor(leaf: Certificate, { chain, unrelated, excess }: SigningChain, now: number): CodedError[] {
  const expiry = expiryWarning(leaf, now);
  return [
    ...(expiry ? [expiry] : []),
    ...chain
      .filter((each) => !isValidAt(each, now))
      .map(({ subjectText }) =>
        identityError('INTERMEDIATE_NOT_VALID', `the intermediate ${subjectText} is expired or not yet valid`),
      ),
    ...chain.flatMap(({ subjectText, signatureHash = '' }) =>
      WEAK_HASHES.has(signatureHash)
        ? [
            identityError(
              'INTERMEDIATE_WEAK_SIGNATURE',
              `the intermediate ${subjectText} is signed with ${signatureHash}`,
            ),
          ]
        : [],
    ),
    ...oddities(leaf, chain),
    ...excess.map(({ subjectText }) =>
      identityError(
        'CHAIN_HAS_TOO_MANY_WAYS',
        `the intermediate ${subjectText} is not sent: more than five certificates lead upwards from ${leaf.subjectText}`,
      ),
    ),
    ...unrelated.map((each) =>
      identityError(
        'CERTIFICATE_UNRELATED',
        `the certificate ${each.subjectText} is not in the path of the signing certificate and is not sent${unrelatedReason(each, [leaf, ...chain], now)}`,
      ),
    ),
  ];
}

/** It looks like the issuer of a certificate in the path. */
function unrelatedReason(certificate: Certificate, path: readonly Certificate[], now: number): string {
  if (!isValidAt(certificate, now)) return ': it is expired or not yet valid';
  if (!path.some(({ issuerText }) => issuerText === certificate.subjectText)) return '';
  const mayIssue = !certificate.keyUsage || certificate.keyUsage.has('keyCertSign');
  return mayIssue ? ': it has the name of an issuer, but another key' : ': its keyUsage lacks keyCertSign';
}
