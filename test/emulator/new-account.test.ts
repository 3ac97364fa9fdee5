import { execFileSync } from 'node:child_process';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadAccount } from '../../src/emulator/account/account.ts';
import { createAccount } from '../../src/emulator/account/new-account.ts';
import { verifyPath } from '../../src/emulator/certificate-path.ts';
import { ASSUME_ACTIONS, decideTrust, rolesAnywhereRequest } from '../../src/iam/role-trust.ts';
import { sessionTagsOf, sourceIdentityOf } from '../../src/iam/session-tags.ts';
import { readCertificate } from '../../src/identity/certificate.ts';
import { describeWith, hasTool } from '../support/tools.ts';

const NOW = Date.UTC(2026, 10, 22, 12);
const DAY = 86_400_000;

let parent: string;
let directory: string;

beforeEach(async () => {
  parent = await mkdtemp(path.join(tmpdir(), 'new-account-'));
  directory = path.join(parent, 'a', 'b');
});

afterEach(() => rm(parent, { recursive: true }));

async function certificatesIn(name: string): Promise<X509Certificate[]> {
  const text = await readFile(path.join(directory, name), 'utf8');
  return (text.match(/-----BEGIN[^-]+-----[^-]+-----END[^-]+-----/g) ?? []).map((pem) => new X509Certificate(pem));
}

describe('a new account', () => {
  it('is a directory of these files, with keys only for their owner', async () => {
    const created = await createAccount(directory, { now: NOW });
    expect((await readdir(directory)).sort()).toEqual([
      'account.yaml',
      'device.key',
      'device.pem',
      'intermediate-ca.key',
      'intermediate-ca.pem',
      'root-ca.key',
      'root-ca.pem',
    ]);
    for (const key of ['device.key', 'intermediate-ca.key', 'root-ca.key'])
      expect((await stat(path.join(directory, key))).mode & 0o777).toBe(0o600);
    expect(created).toMatchObject({
      accountFile: path.join(directory, 'account.yaml'),
      certificateFile: path.join(directory, 'device.pem'),
      privateKeyFile: path.join(directory, 'device.key'),
      region: 'eu-central-1',
    });
  });

  it('has a leaf with its key, the intermediate, and valid dates', async () => {
    await createAccount(directory, { now: NOW });
    const [leaf, intermediate] = await certificatesIn('device.pem');
    const [root] = await certificatesIn('root-ca.pem');
    if (!leaf || !intermediate || !root) throw new Error('certificates are missing');
    const key = createPrivateKey(await readFile(path.join(directory, 'device.key')));
    expect(leaf.checkPrivateKey(key)).toBe(true);
    expect(leaf.subject).toBe('O=Example\nOU=Devices\nCN=device-0001');
    expect([leaf.ca, intermediate.ca, root.ca]).toEqual([false, true, true]);
    expect([leaf, intermediate, root].map(({ validTo }) => Math.round((Date.parse(validTo) - NOW) / DAY))).toEqual([
      30, 3650, 3650,
    ]);
    expect(key.asymmetricKeyDetails?.namedCurve).toBe('prime256v1');
    expect(new Set([leaf, intermediate, root].map(({ serialNumber }) => serialNumber)).size).toBe(3);
  });

  it('accepts its own device, for all three actions', async () => {
    const created = await createAccount(directory, { now: NOW, region: 'us-gov-west-1', keyType: 'P-384' });
    const account = await loadAccount(directory);
    expect([account.trustAnchors[0]?.arn, account.profiles[0]?.arn, account.roles[0]?.arn]).toEqual([
      created.trustAnchorArn,
      created.profileArn,
      created.roleArn,
    ]);
    const [leaf, intermediate] = (await certificatesIn('device.pem')).map(({ raw }) => readCertificate(raw));
    const [anchor] = account.trustAnchors;
    const [profile] = account.profiles;
    const policy = account.roles[0]?.trustPolicy;
    if (!leaf || !intermediate || !anchor || !profile || !policy) throw new Error('the account is not whole');
    expect(verifyPath(leaf, [intermediate], anchor, NOW).trusted).toBe(true);
    const call = {
      accountId: account.accountId,
      trustAnchorArn: created.trustAnchorArn,
      roleArn: created.roleArn,
      tags: sessionTagsOf(leaf, profile.attributeMappings).tags,
      sourceIdentity: sourceIdentityOf(leaf),
      sessionName: leaf.serialHex,
    };
    const allowed = (trustAnchorArn: string): boolean[] =>
      ASSUME_ACTIONS.map((action) => {
        const request = rolesAnywhereRequest(action, { ...call, trustAnchorArn });
        return decideTrust(policy, request, account.accountId).allowed;
      });
    expect(allowed(created.trustAnchorArn)).toEqual([true, true, true]);
    expect(allowed(`${created.trustAnchorArn}0`)).toEqual([false, false, false]);
  });

  it('is unique: no two have the same ARNs or keys', async () => {
    const one = await createAccount(path.join(parent, 'one'));
    const two = await createAccount(path.join(parent, 'two'));
    expect(one.trustAnchorArn).not.toBe(two.trustAnchorArn);
    expect(await readFile(one.privateKeyFile)).not.toEqual(await readFile(two.privateKeyFile));
  });
});

describe('a directory that is not empty', () => {
  it.each(['account.yaml', 'notes.txt'])('is not changed: %s', async (name) => {
    await mkdir(directory, { recursive: true });
    await writeFile(path.join(directory, name), 'mine');
    await expect(createAccount(directory)).rejects.toMatchObject({ code: 'EMULATOR_DIRECTORY_NOT_EMPTY' });
    expect(await readdir(directory)).toEqual([name]);
    expect(await readFile(path.join(directory, name), 'utf8')).toBe('mine');
  });

  it('may be a file with that name', async () => {
    await writeFile(path.join(parent, 'a'), 'mine');
    await expect(createAccount(directory)).rejects.toMatchObject({ code: 'EMULATOR_DIRECTORY_UNWRITABLE' });
  });
});

describeWith('openssl', hasTool('openssl', 'version'), 'OpenSSL on the new certificates', () => {
  function openssl(...args: string[]): string {
    return execFileSync('openssl', args, { cwd: directory, encoding: 'utf8', stdio: 'pipe' });
  }

  it('verifies them strictly, for client authentication', async () => {
    await createAccount(directory);
    const strict = ['verify', '-x509_strict', '-purpose', 'sslclient', '-CAfile', 'root-ca.pem'];
    expect(openssl(...strict, '-untrusted', 'intermediate-ca.pem', 'device.pem')).toBe('device.pem: OK\n');
    expect(() => openssl(...strict, 'device.pem')).toThrow();
  });

  it('reads the extensions that Roles Anywhere requires', async () => {
    await createAccount(directory);
    const text = openssl('x509', '-in', 'device.pem', '-noout', '-text').replace(/\s+/g, ' ');
    expect(text).toContain('Version: 3 (0x2)');
    expect(text).toContain('X509v3 Basic Constraints: critical CA:FALSE');
    expect(text).toContain('X509v3 Key Usage: critical Digital Signature X509v3');
    expect(text).toContain('X509v3 Extended Key Usage: TLS Web Client Authentication');
    expect(text).toContain('Signature Algorithm: ecdsa-with-SHA256');
    expect(openssl('x509', '-in', 'root-ca.pem', '-noout', '-text')).toContain('Certificate Sign, CRL Sign');
  });
});
