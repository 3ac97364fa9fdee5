// Which certificates are sent: everything that can lead to an anchor, as only the service knows which one it is.
import { execFileSync } from 'node:child_process';
import { createPublicKey } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { readCertificate } from '../../src/identity/certificate.ts';
import { chainFor } from '../../src/identity/signing-chain.ts';
import { type Authority, type Issued, type KeyPair, makeAuthority, makeKeys } from '../support/pki.ts';
import { describeWith, hasTool } from '../support/tools.ts';
import { codeOf, load, NOW, writeFile, type Written } from './identity-directory.ts';

const YEAR = 365 * 86_400_000;
const text = (...parts: readonly Issued[]): string => parts.map(({ certificatePem }) => certificatePem).join('');
const keysOf = ({ privateKey, certificatePem }: Issued): KeyPair => ({
  privateKey,
  publicKey: createPublicKey(certificatePem),
});

let ours: Authority;
let elsewhere: Authority;
beforeAll(async () => {
  ours = await makeAuthority('Ours');
  elsewhere = await makeAuthority('Elsewhere');
});

async function sent(leaf: Issued, certificates: readonly Issued[], more: Partial<Written> = {}): Promise<Buffer[]> {
  const { identity } = await load({ certificate: text(leaf, ...certificates), privateKey: leaf.keyPem, ...more });
  return [...identity.chain];
}

describe('a cross-signed intermediate', () => {
  it('is sent with both certificates, the longest lasting first', async () => {
    const keys = makeKeys('P-256');
    const byOurs = await ours.subordinate('Device CA', { keys, notAfter: NOW + YEAR });
    const byElsewhere = await elsewhere.subordinate('Device CA', { keys, notAfter: NOW + 2 * YEAR });
    const leaf = await byOurs.issue();
    const both = [byElsewhere.certificateDer, byOurs.certificateDer];
    expect(await sent(leaf, [byOurs, byElsewhere])).toEqual(both);
    expect(await sent(leaf, [byElsewhere, byOurs, ours, elsewhere])).toEqual(both);
  });

  it('is sent without an expired certificate or one signed with SHA-1', async () => {
    const keys = makeKeys('P-256');
    const good = await ours.subordinate('Device CA', { keys });
    const expired = await elsewhere.subordinate('Device CA', { keys, notAfter: NOW - 1000 });
    const leaf = await good.issue();
    const written = { certificate: text(leaf, expired, good), privateKey: leaf.keyPem };
    const { identity, warnings } = await load(written);
    expect(identity.chain).toEqual([good.certificateDer]);
    expect(warnings.map(({ message }) => message)).toEqual([
      expect.stringMatching(/Device CA.* not sent: it is expired or not yet valid/) as string,
    ]);
  });
});

describe('a CA that changed its key (RFC 4210 4.4)', () => {
  it('is reached by its link certificate, although subject equals issuer', async () => {
    const next = makeKeys('P-256');
    const link = await ours.subordinate('Ours', { keys: next });
    const renewed = await makeAuthority('Ours', { keys: next });
    const leaf = await renewed.issue();
    expect(await sent(leaf, [renewed, link, ours])).toEqual([link.certificateDer]);
  });
});

describe('two issuers with one name', () => {
  it('are distinguished by their keys, with a warning about the other', async () => {
    const [right, wrong] = [await ours.subordinate('Twin'), await ours.subordinate('Twin')];
    const leaf = await right.issue();
    const { identity, warnings } = await load({ certificate: text(leaf, wrong, right), privateKey: leaf.keyPem });
    expect(identity.chain).toEqual([right.certificateDer]);
    expect(warnings[0]?.message).toContain('it has the name of an issuer, but another key');
  });
});

describe('CAs that certified each other', () => {
  it('are each sent once', async () => {
    const [a, b] = [makeKeys('P-256'), makeKeys('P-256')];
    const [rootA, rootB] = [await makeAuthority('A', { keys: a }), await makeAuthority('B', { keys: b })];
    const aByB = await rootB.subordinate('A', { keys: a });
    const bByA = await rootA.subordinate('B', { keys: b });
    const leaf = await rootA.issue();
    expect(await sent(leaf, [bByA, aByB, rootA, rootB])).toEqual([aByB.certificateDer, bByA.certificateDer]);
  });
});

describe('more paths than the service accepts', () => {
  it('keep the best path complete, with a warning about the rest', async () => {
    const keys = makeKeys('P-256');
    const roots = await Promise.all([1, 2, 3, 4, 5, 6, 7].map((number) => makeAuthority(`Root ${number}`)));
    const crossed = await Promise.all(
      roots.map((root, index) => root.subordinate('Device CA', { keys, notAfter: NOW + YEAR * (index + 1) })),
    );
    const leaf = await crossed[0]?.issue();
    if (!leaf) throw new Error('no leaf');
    const { identity, warnings } = await load({ certificate: text(leaf, ...crossed), privateKey: leaf.keyPem });
    expect(identity.chain).toEqual(
      crossed
        .toReversed()
        .slice(0, 5)
        .map(({ certificateDer }) => certificateDer),
    );
    expect(warnings.map(({ code }) => code)).toEqual(['CHAIN_HAS_TOO_MANY_WAYS', 'CHAIN_HAS_TOO_MANY_WAYS']);
    const anchored = await load({
      certificate: text(leaf, ...crossed),
      privateKey: leaf.keyPem,
      trustAnchorBundle: writeFile(text(roots[0] ?? leaf)),
    });
    expect(anchored.identity.chain).toEqual([crossed[0]?.certificateDer]);
  });

  it('are replaced by a shorter one if the best has more than five', async () => {
    const keys = makeKeys('P-256');
    let authority = elsewhere;
    const long: Authority[] = [];
    for (let depth = 1; depth <= 5; depth += 1) long.push((authority = await authority.subordinate(`Long ${depth}`)));
    const byLong = await authority.subordinate('Device CA', { keys, notAfter: NOW + 9 * YEAR });
    const byOurs = await ours.subordinate('Device CA', { keys, notAfter: NOW + YEAR });
    const leaf = await byOurs.issue();
    expect((await sent(leaf, [...long, byLong, byOurs]))[0]).toEqual(byOurs.certificateDer);
  });
});

describe('a configured trust anchor', () => {
  let intermediate: Authority;
  let leaf: Issued;
  beforeAll(async () => {
    intermediate = await ours.subordinate('Device CA');
    leaf = await intermediate.issue();
  });
  const anchored = (...anchor: readonly Issued[]): Partial<Written> => ({
    trustAnchorBundle: writeFile(text(...anchor)),
  });

  it('ends the path, even if it is an intermediate', async () => {
    expect(await sent(leaf, [intermediate], anchored(ours))).toEqual([intermediate.certificateDer]);
    expect(await sent(leaf, [intermediate], anchored(elsewhere, ours))).toEqual([intermediate.certificateDer]);
    expect(await sent(leaf, [intermediate], anchored(intermediate))).toEqual([]);
  });

  it('is reported if no path leads to it', async () => {
    const loading = load({ certificate: text(leaf, intermediate), privateKey: leaf.keyPem, ...anchored(elsewhere) });
    await expect(loading).rejects.toMatchObject({
      code: 'TRUST_ANCHOR_UNREACHABLE',
      message: expect.stringMatching(/CN=Elsewhere.*the certificate of CN=Ours.* is missing/) as string,
    });
    expect(await codeOf(load({ certificate: text(leaf), privateKey: leaf.keyPem, ...anchored(ours) }))).toBe(
      'TRUST_ANCHOR_UNREACHABLE',
    );
  });

  it('chooses between two certificates of one key', async () => {
    const keys = keysOf(leaf);
    const other = await elsewhere.issue({ keys, notAfter: NOW + YEAR, subject: 'CN=ours' });
    const longer = await ours.issue({ keys, notAfter: NOW + 2 * YEAR });
    const { identity } = await load({
      certificate: text(longer, other),
      privateKey: leaf.keyPem,
      ...anchored(elsewhere),
    });
    expect(identity.certificate).toEqual(other.certificateDer);
  });
});

describe('a key with a self-signed certificate next to the issued one', () => {
  it('signs with the issued one, even if the other lasts longer', async () => {
    const keys = makeKeys('P-256');
    const issued = await ours.issue({ keys, notAfter: NOW + YEAR });
    const placeholder = await makeAuthority('device-0001', { keys });
    const { identity } = await load({ certificate: text(placeholder, issued), privateKey: issued.keyPem });
    expect(identity.certificate).toEqual(issued.certificateDer);
  });
});

describe('warnings about certificates that the service rejects', () => {
  it('name an intermediate that may not issue', async () => {
    const chain = [readCertificate((await ours.subordinate('CA')).certificateDer)];
    expect(chain[0]).toMatchObject({ isCa: true, duplicateExtensions: [], unknownCriticalExtensions: [] });
    const noSigner = await ours.issue({ subject: 'CN=No CA,O=Example PKI', keyUsage: ['digitalSignature', 'cRLSign'] });
    const { warnings } = await load({ certificate: text(noSigner), privateKey: noSigner.keyPem });
    expect(warnings.map(({ code, message }) => `${code} ${message}`)).toEqual([
      'CERTIFICATE_UNUSUAL the certificate CN=No CA, O=Example PKI has the keyUsage cRLSign, which only a CA has',
    ]);
  });
});

describeWith('OpenSSL', hasTool('openssl', 'version'), 'held against openssl verify', () => {
  it('verifies the sent chain whenever it verifies all certificates', { timeout: 120_000 }, async () => {
    const directory = mkdtempSync(join(tmpdir(), 'imds-anywhere-chain-'));
    const random = seeded(20_261_130);
    let verified = 0;
    try {
      for (let round = 0; round < 12; round += 1) {
        const { roots, certificates, leaf } = await randomPki(random);
        const parsed = certificates.map(({ certificateDer }) => readCertificate(certificateDer));
        const { chain, excess } = chainFor(readCertificate(leaf.certificateDer), parsed, NOW);
        expect(excess).toEqual([]);
        const chosen = certificates.filter(({ certificateDer }) => chain.some(({ der }) => der.equals(certificateDer)));
        for (const root of roots) {
          const all = verifies(directory, leaf, certificates, root);
          expect(verifies(directory, leaf, chosen, root)).toBe(all);
          verified += Number(all);
        }
      }
      expect(verified).toBeGreaterThan(5);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  /** Two roots, four CAs with keys of their own, seven certificates between them at random, cross-signed and in loops. */
  async function randomPki(random: (below: number) => number) {
    const roots = [await makeAuthority('R0'), await makeAuthority('R1')];
    const keys = [0, 1, 2].map(() => makeKeys('P-256'));
    const selves = await Promise.all(keys.map((pair, index) => makeAuthority(`C${index}`, { keys: pair })));
    const certificates: Authority[] = [];
    for (let count = 0; count < 5; count += 1) {
      const subject = random(keys.length);
      const issuers = [...roots, ...selves.filter((_, index) => index !== subject)];
      const issuer = issuers[random(issuers.length)] ?? ours;
      const pair = keys[subject] ?? makeKeys('P-256');
      const years = random(5) === 0 ? -0.5 : 1 + random(8);
      certificates.push(
        await issuer.subordinate(`C${subject}`, { keys: pair, notAfter: NOW + Math.round(years * 365) * 86_400_000 }),
      );
    }
    const leaf = await (selves[random(selves.length)] ?? ours).issue();
    return { roots, certificates, leaf };
  }

  function verifies(directory: string, leaf: Issued, untrusted: readonly Issued[], root: Issued): boolean {
    const path = (name: string, content: string): string => {
      writeFileSync(join(directory, name), content);
      return join(directory, name);
    };
    const given = untrusted.length > 0 ? ['-untrusted', path('untrusted.pem', text(...untrusted))] : [];
    const args = ['-attime', String(NOW / 1000), '-trusted', path('root.pem', text(root)), ...given];
    try {
      execFileSync('openssl', ['verify', ...args, path('leaf.pem', text(leaf))], { stdio: 'ignore' });
      return true;
    } catch {
      return false;
    }
  }

  function seeded(seed: number): (below: number) => number {
    let state = seed;
    return (below) => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
  }
});
