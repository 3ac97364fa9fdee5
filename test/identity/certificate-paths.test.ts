// The rules of signing-chain by themselves, with certificates that are no more than names. signing-chain.test.ts has
// real ones, and OpenSSL.
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { CodedError } from '../../src/foundation/errors.ts';
import type { Certificate } from '../../src/identity/certificate.ts';
import {
  chainFor,
  chainToAnchor,
  endEntities,
  isValidAt,
  leavesFor,
  reachesAnchor,
} from '../../src/identity/signing-chain.ts';
import { certificate, KEY, newKey, NOW } from './bare-certificate.ts';

const OTHER = newKey();

/** From `first` up to the one below `end`: `a1<a2`, `a2<a3` ... */
function pathOf(prefix: string, length: number, end: string): Certificate[] {
  return Array.from({ length }, (_, index) =>
    certificate(`${prefix}${index + 1}<${index + 1 < length ? `${prefix}${index + 2}` : end}`),
  );
}

function names(certificates: readonly Certificate[]): string[] {
  return certificates.map(({ subjectText, issuerText }) => `${subjectText}<${issuerText}`);
}

function errorOf(run: () => unknown): CodedError {
  try {
    run();
  } catch (error) {
    if (error instanceof CodedError) return error;
  }
  throw new Error('expected a CodedError');
}

const EXPIRED = { notAfter: NOW };
const LONG = { notAfter: NOW + 9_000 };
const WEAK = { signatureHash: 'SHA-1', notAfter: NOW + 99_000 };

describe('a certificate is valid', () => {
  it('from its first moment until its last', () => {
    const one = certificate('device<CA', { notBefore: 10, notAfter: 20 });
    expect([9, 10, 19, 20].map((now) => isValidAt(one, now))).toEqual([false, true, true, false]);
  });
});

describe('the certificate of a key', () => {
  it('is each with this key, and no other', () => {
    const own = certificate('own<CA');
    const others = [
      certificate('a<CA', { publicKey: OTHER }),
      certificate('b<CA', { publicKey: undefined }),
      certificate('c<CA', { publicKey: generateKeyPairSync('ed25519').publicKey }),
    ];
    expect(leavesFor(KEY, [...others, own], NOW)).toEqual([own]);
    expect(leavesFor(newKey(), [own], NOW)).toEqual([]);
  });

  it('is not one whose key Node cannot compare', () => {
    const publicKey = Object.create(OTHER) as KeyObject;
    publicKey.equals = () => {
      throw new Error('unsupported');
    };
    expect(leavesFor(KEY, [certificate('own<CA', { publicKey })], NOW)).toEqual([]);
  });

  it('is the issued one, or else the self-signed one', () => {
    const [issued, self] = [certificate('own<CA'), certificate('own<own', LONG)];
    expect(leavesFor(KEY, [self, issued], NOW)).toEqual([issued]);
    expect(leavesFor(KEY, [self], NOW)).toEqual([self]);
  });

  it('is first the one that is valid, of those the one that lasts longest', () => {
    const given = [
      certificate('expired<CA', EXPIRED),
      certificate('short<CA'),
      certificate('weak<CA', WEAK),
      certificate('early<CA', { notBefore: NOW + 1, notAfter: NOW + 50_000 }),
      certificate('long<CA', LONG),
    ];
    expect(names(leavesFor(KEY, given, NOW))).toEqual(['long<CA', 'short<CA', 'weak<CA', 'early<CA', 'expired<CA']);
    expect(names(leavesFor(KEY, given.toReversed(), NOW))).toEqual(names(leavesFor(KEY, given, NOW)));
  });

  it('without a hash in its signature is not weak', () => {
    const given = [certificate('short<CA'), certificate('long<CA', { ...LONG, signatureHash: undefined })];
    expect(names(leavesFor(KEY, given, NOW))).toEqual(['long<CA', 'short<CA']);
  });
});

describe('the certificate of a key that names none', () => {
  it('is each that is no CA, the best first', () => {
    const given = [
      certificate('ca<root'),
      certificate('short<ca', { isCa: false }),
      certificate('long<ca', { ...LONG, isCa: undefined }),
    ];
    expect(names(endEntities(given, NOW))).toEqual(['long<ca', 'short<ca']);
  });
});

describe('the chain that is sent', () => {
  const leaf = certificate('leaf<a1');

  it('leads up from the leaf, without the leaf, roots and what is on no path', () => {
    const path = pathOf('a', 3, 'root');
    const [root, unrelated] = [certificate('root<root'), certificate('x<y')];
    expect(chainFor(leaf, [root, unrelated, ...path.toReversed(), leaf], NOW)).toEqual({
      chain: path,
      excess: [],
      unrelated: [unrelated],
    });
  });

  it('is empty for a leaf whose issuer is missing', () => {
    expect(chainFor(leaf, [leaf], NOW)).toEqual({ chain: [], excess: [], unrelated: [] });
  });

  it('has the best path first, and then the others that are usable', () => {
    const given = [
      certificate('a1<short'),
      certificate('a1<expired', EXPIRED),
      certificate('a1<weak', WEAK),
      certificate('a1<long', LONG),
      certificate('short<root'),
    ];
    const { chain, excess, unrelated } = chainFor(leaf, given, NOW);
    expect(names(chain)).toEqual(['a1<long', 'a1<short', 'short<root']);
    expect([excess, names(unrelated)]).toEqual([[], ['a1<expired', 'a1<weak']]);
  });

  it('has an expired issuer if there is no other', () => {
    expect(names(chainFor(leaf, [certificate('a1<root', EXPIRED)], NOW).chain)).toEqual(['a1<root']);
  });

  it('ends where a loop begins', () => {
    const loop = [certificate('a1<b'), certificate('b<a1')];
    expect(chainFor(leaf, loop, NOW).chain).toEqual(loop);
  });

  it('finds an issuer with an unreadable key by its name', () => {
    const unreadable = { publicKey: undefined, isSelfSigned: () => false };
    const [issuer, other] = [certificate('a1<root', unreadable), certificate('b<root', unreadable)];
    const unverified = { ...leaf, isIssuedBy: () => false };
    expect(chainFor(unverified, [other, issuer], NOW)).toEqual({ chain: [issuer], excess: [], unrelated: [other] });
  });

  it('has an issuer with a readable key only if it signed', () => {
    const issuer = certificate('a1<root');
    const forged = { ...leaf, isIssuedBy: () => false };
    expect(chainFor(forged, [issuer], NOW)).toEqual({ chain: [], excess: [], unrelated: [issuer] });
  });

  it('has up to five certificates', () => {
    const five = pathOf('a', 5, 'root');
    expect(chainFor(leaf, five, NOW)).toEqual({ chain: five, excess: [], unrelated: [] });
    expect(errorOf(() => chainFor(leaf, pathOf('a', 6, 'root'), NOW))).toMatchObject({
      code: 'CHAIN_TOO_LONG',
      message: '6 intermediates lead from leaf to the root; the service accepts 5',
    });
  });

  it('keeps the best path complete, and names the rest', () => {
    const best = pathOf('a', 5, 'root').map((one) => ({ ...one, notAfter: NOW + 9_000 }));
    const second = certificate('a1<other');
    expect(chainFor(leaf, [second, ...best], NOW)).toEqual({ chain: best, excess: [second], unrelated: [] });
  });

  it('has the shortest path if the best is too long', () => {
    const best = pathOf('a', 6, 'root').map((one) => ({ ...one, notAfter: NOW + 9_000 }));
    const [first, last] = [certificate('a1<b'), certificate('b<root')];
    const { chain, excess } = chainFor(leaf, [...best, last, first], NOW);
    expect(names(chain.slice(0, 2))).toEqual(['a1<b', 'b<root']);
    expect(chain.length + excess.length).toBe(8);
  });

  it('has the shortest path also if that has five certificates', () => {
    const best = pathOf('a', 6, 'root').map((one) => ({ ...one, notAfter: NOW + 9_000 }));
    const five = [certificate('a1<b2'), ...pathOf('b', 5, 'root').slice(1)];
    expect(names(chainFor(leaf, [...best, ...five], NOW).chain)).toEqual(names(five));
  });

  it('cannot be that of a long loop', () => {
    const loop = pathOf('a', 6, 'a1');
    expect(errorOf(() => chainFor(leaf, loop, NOW)).code).toBe('CHAIN_TOO_LONG');
  });
});

describe('the chain to a trust anchor', () => {
  const leaf = certificate('leaf<a1');
  const anchor = [certificate('root<root')];

  it('is the shortest one', () => {
    const long = [certificate('a1<a2', LONG), certificate('a2<root', LONG)];
    const short = certificate('a1<root');
    expect(chainToAnchor(leaf, [...long, short], anchor, NOW)).toEqual({
      chain: [short],
      excess: [],
      unrelated: long,
    });
  });

  it('is empty if the anchor issued the leaf, also if it is among the certificates', () => {
    const issuing = certificate('a1<root');
    expect(chainToAnchor(leaf, [issuing, leaf], [issuing], NOW)).toEqual({ chain: [], excess: [], unrelated: [] });
  });

  it('may lead to any of several anchors', () => {
    const path = pathOf('a', 2, 'root');
    expect(chainToAnchor(leaf, path, [certificate('x<x'), ...anchor], NOW).chain).toEqual(path);
  });

  it('has up to five certificates', () => {
    const five = pathOf('a', 5, 'root');
    expect(chainToAnchor(leaf, five, anchor, NOW).chain).toEqual(five);
    expect(errorOf(() => chainToAnchor(leaf, pathOf('a', 6, 'root'), anchor, NOW))).toMatchObject({
      code: 'CHAIN_TOO_LONG',
      message: '6 intermediates lead from leaf to the trust anchor; the service accepts 5',
    });
  });

  it('is missing a certificate, which the error names', () => {
    const messageOf = (certificates: readonly Certificate[], anchors = anchor): string => {
      const error = errorOf(() => chainToAnchor(leaf, certificates, anchors, NOW));
      expect(error.code).toBe('TRUST_ANCHOR_UNREACHABLE');
      return error.message.replace('no path leads from leaf to the trust anchor ', '');
    };
    expect(messageOf([])).toBe('(root): the certificate of a1 is missing');
    expect(messageOf([certificate('a1<b')])).toBe('(root): the certificate of b is missing');
    const selfIssued = {
      isSelfSigned: () => false,
      isIssuedBy: ({ subjectText }: Certificate) => subjectText === 'a1',
    };
    expect(messageOf([certificate('a1<A1', selfIssued)])).toBe('(root): the certificate of A1 is missing');
    const ends = ['b', 'b', 'c', 'd', 'e'].map((end) => certificate(`a1<${end}`));
    expect(messageOf(ends, [...anchor, certificate('x<x')])).toBe(
      '(root or x): the certificate of b or c or d is missing',
    );
    expect(messageOf([certificate('a1<b'), certificate('b<a1')])).toBe('(root): the certificate of a1 is missing');
  });

  it('is found by the same rule before a leaf is chosen', () => {
    const path = pathOf('a', 2, 'root');
    expect(reachesAnchor(leaf, path, anchor, NOW)).toBe(true);
    expect(reachesAnchor(leaf, path.slice(0, 1), anchor, NOW)).toBe(false);
    expect(reachesAnchor(leaf, path.slice(1), anchor, NOW)).toBe(false);
    expect(reachesAnchor(leaf, [], [certificate('a1<root')], NOW)).toBe(true);
    expect(reachesAnchor(leaf, path, [certificate('x<x'), ...anchor], NOW)).toBe(true);
  });
});
