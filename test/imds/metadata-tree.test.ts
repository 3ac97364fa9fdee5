import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Answer } from '../../src/endpoints/answer.ts';
import { pathNames } from '../../src/endpoints/request.ts';
import { metadataTree, resolve } from '../../src/imds/metadata-tree.ts';

const role = { name: 'Odd+role@x', accountId: '123456789012', partition: 'aws' };
const tree = metadataTree(role, { region: 'us-east-1', availabilityZone: 'us-east-1a' });

/** Everything below `latest`, written down by hand. */
const PATHS = [
  '',
  'dynamic',
  'dynamic/instance-identity',
  'dynamic/instance-identity/document',
  'meta-data',
  'meta-data/iam',
  'meta-data/iam/info',
  'meta-data/iam/security-credentials',
  'meta-data/iam/security-credentials/Odd+role@x',
  'meta-data/iam/security-credentials-extended',
  'meta-data/iam/security-credentials-extended/Odd+role@x',
  'meta-data/placement',
  'meta-data/placement/availability-zone',
  'meta-data/placement/region',
];

const found = (target: string): boolean => {
  const names = pathNames(target);
  return names !== undefined && resolve(tree, names) !== undefined;
};

describe('the metadata tree', () => {
  it.each(PATHS)('has /latest/%s', (path) => {
    expect(found(`/latest/${path}`)).toBe(true);
  });

  it('has nothing else', () => {
    const known = new Set(PATHS);
    const name = fc.constantFrom(
      ...PATHS.flatMap((path) => path.split('/')),
      '..',
      '.',
      '%2e%2e',
      'x',
      '__proto__',
      '%zz',
    );
    fc.assert(
      fc.property(fc.array(name, { maxLength: 6 }), (names) => {
        const path = names.filter((part) => part !== '').join('/');
        expect(found(`/latest/${names.join('/')}`)).toBe(known.has(path));
      }),
      { numRuns: 2_000 },
    );
  });

  it('finds nothing at arbitrary paths and never throws', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.webPath()), (path) => {
        fc.pre(path.split('?')[0]?.replaceAll('/', '') !== '');
        expect(found(`/latest/meta-data/${path}`)).toBe(false);
      }),
      { numRuns: 2_000 },
    );
  });

  it('lists only names that exist', () => {
    const walk = (path: string): string[] => {
      const resource = resolve(tree, pathNames(path) ?? ['?']);
      if (resource?.kind !== 'directory') return resource ? [path] : [`missing: ${path}`];
      return resource.answer.body.split('\n').flatMap((name) => walk(`${path}/${name}`));
    };
    expect(walk('/latest')).toHaveLength(6);
    expect(walk('/').filter((path) => path.startsWith('missing'))).toEqual([]);
  });

  it('lists the versions that EC2 lists', () => {
    const { answer } = resolve(tree, []) as { readonly answer: Answer };
    const listing = answer.body.split('\n');
    expect(listing).toHaveLength(30);
    expect([listing[0], listing[1], listing[16], listing.at(-2), listing.at(-1)]).toEqual([
      ...['1.0', '2007-01-19', '2016-06-30', '2024-04-11', 'latest'],
    ]);
    expect(listing.slice(1, -1).every((version) => /^20\d\d-\d\d-\d\d$/.test(version))).toBe(true);
  });
});
