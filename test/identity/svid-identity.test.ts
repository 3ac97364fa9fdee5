// SVIDs that the daemon holds already. test/spiffe has them from an agent.
import { beforeAll, describe, expect, it } from 'vitest';
import type { IdentityConfig } from '../../src/config/config.ts';
import { loadIdentity } from '../../src/identity/load-identity.ts';
import type { LoadedIdentity } from '../../src/identity/signing-identity.ts';
import { svidIdentity } from '../../src/identity/svid-identity.ts';
import type { ReadIdentity } from '../../src/identity/watched-identity.ts';
import type { SpiffeSource } from '../../src/spiffe/spiffe-source.ts';
import type { Svid } from '../../src/spiffe/wire.ts';
import { type Authority, makeAuthority, type Validity } from '../support/pki.ts';
import { NOW, writeFile } from './identity-directory.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const ID = 'spiffe://example.org/device';
const { signal } = new AbortController();

let root: Authority;
let issuer: Authority;
beforeAll(async () => {
  root = await makeAuthority();
  issuer = await root.subordinate('Intermediate');
});

async function svidOf(bundle: readonly Buffer[] = [root.certificateDer], validity: Validity = {}): Promise<Svid> {
  const { certificateDer, privateKey } = await issuer.issue({ subject: 'O=SPIRE', ...validity });
  return {
    id: ID,
    certificates: Buffer.concat([certificateDer, issuer.certificateDer]),
    key: privateKey.export({ format: 'der', type: 'pkcs8' }),
    bundle: Buffer.concat(bundle),
    hint: '',
  };
}

const readInFiles: ReadIdentity = (config, context) => loadIdentity(config, context);

function loaded(
  svids: readonly Svid[],
  { readFiles = readInFiles, ...more }: Partial<IdentityConfig> & { readFiles?: ReadIdentity } = {},
): Promise<LoadedIdentity> {
  const source: SpiffeSource = { kind: 'spiffe' };
  const context = { now: NOW, environment: {}, svids: () => Promise.resolve(svids) };
  const config: IdentityConfig = { certificate: source, allowReadableKey: false, ...more };
  return svidIdentity(source, config, { context, readFiles, signal });
}

describe('an SVID', () => {
  it('has its key in memory', async () => {
    const svid = await svidOf();
    const { identity, warnings } = await loaded([svid]);
    expect(identity.certificate).toEqual(svid.certificates.subarray(0, identity.certificate.length));
    expect(identity.chain).toEqual([issuer.certificateDer]);
    expect(identity.key).toMatchObject({ kind: 'spiffe', id: ID });
    expect('privateKey' in identity.key && identity.key.privateKey.export({ format: 'der', type: 'pkcs8' })).toEqual(
      svid.key,
    );
    expect(Object.isFrozen(identity)).toBe(true);
    expect(warnings).toEqual([]);
  });

  it('is read with the files of the configuration, for the caller', async () => {
    const svid = await svidOf();
    const asked: Parameters<ReadIdentity>[] = [];
    const readFiles: ReadIdentity = (...args) => {
      asked.push(args);
      return readInFiles(...args);
    };
    await loaded([svid], { readFiles, trustAnchorBundle: writeFile(root.certificatePem) });
    const context = { now: NOW, outside: { svid: { path: `the SVID ${ID}`, key: svid.key } } };
    expect(asked).toMatchObject([[{ certificate: { kind: 'spiffe' } }, context, signal]]);
    expect(asked[0]?.[2]).toBe(signal);
  });

  it('has the warnings of the choice, of its certificate and of its CA, in that order', async () => {
    const svid = await svidOf(
      [(await makeAuthority('Short', { notBefore: NOW, notAfter: NOW + DAY })).certificateDer],
      {
        notAfter: NOW + HOUR,
      },
    );
    const { warnings } = await loaded([svid, { ...svid, id: `${ID}/2` }]);
    expect(warnings.map(({ code }) => code)).toEqual([
      'SPIFFE_SEVERAL_SVIDS',
      'CERTIFICATE_EXPIRES_SOON',
      'SPIFFE_ROOT_SHORT_LIVED',
    ]);
  });

  it('that has expired is named with its ID', async () => {
    const svid = await svidOf([root.certificateDer], { notAfter: NOW - 1_000 });
    await expect(loaded([svid])).rejects.toMatchObject({
      code: 'SPIFFE_SVID_EXPIRED',
      message: expect.stringContaining(ID) as string,
      cause: expect.objectContaining({ code: 'CERTIFICATE_EXPIRED' }) as Error,
    });
  });

  it('that cannot be decoded is named with its ID', async () => {
    const svid = await svidOf();
    await expect(loaded([{ ...svid, certificates: svid.certificates.subarray(0, 100) }])).rejects.toMatchObject({
      code: 'SPIFFE_ANSWER_UNREADABLE',
      message: expect.stringContaining(ID) as string,
      cause: expect.any(RangeError) as Error,
    });
  });

  it('fails as its files do', async () => {
    const [svid, other] = [await svidOf(), await svidOf()];
    await expect(loaded([{ ...svid, key: other.key }])).rejects.toMatchObject({ code: 'KEY_CERTIFICATE_MISMATCH' });
    const fault = new Error('a fault');
    await expect(loaded([svid], { readFiles: () => Promise.reject(fault) })).rejects.toBe(fault);
  });
});

describe('the CA of an SVID', () => {
  const lasting = async (ms: number): Promise<Buffer> =>
    (await makeAuthority('CA', { notBefore: NOW, notAfter: NOW + ms })).certificateDer;
  const warningsOf = async (...bundle: readonly Buffer[]): Promise<string[]> =>
    (await loaded([await svidOf(bundle)])).warnings.map(({ code, message }) => `${code} ${message}`);

  it('is no trust anchor if it lasts less than 30 days', async () => {
    const short = (hours: number): string => `SPIFFE_ROOT_SHORT_LIVED a CA in the bundle of ${ID} lasts ${hours} h`;
    expect(await warningsOf(await lasting(30 * DAY))).toEqual([]);
    expect(await warningsOf(await lasting(30 * DAY - 1_000))).toEqual([short(720)]);
    expect(await warningsOf(await lasting(60 * DAY), await lasting(DAY), await lasting(40 * DAY))).toEqual([short(24)]);
  });

  it('is not read if there is none, or if it is unreadable', async () => {
    expect(await warningsOf()).toEqual([]);
    expect(await warningsOf(Buffer.from('3000', 'hex'))).toEqual([]);
    expect(await warningsOf(Buffer.from('bundle'))).toEqual([]);
  });
});
