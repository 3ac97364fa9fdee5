import { X509Certificate } from 'node:crypto';
import { chmod, readFile, rename, rm, symlink, unlink, utimes } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import type { WatchFiles } from '../../src/files/file-watcher.ts';
import { systemClock } from '../../src/foundation/clock.ts';
import { type Authority, type Issued, makeAuthority } from '../support/pki.ts';
import { eventually } from '../support/program.ts';
import { fingerprintOf, IdentityDirectory, type Pair, WatchedDirectory, type Watching } from './changing-files.ts';
import { fastClock } from './fast-clock.ts';

// Every way in which those who renew certificates are known to write them, on real files: once with the watch alone, whose events
// come long before the poll, and once with the poll alone, as where there is no inotify.

let root: Authority;
let intermediate: Authority;
let old: Issued;
let next: Issued;

beforeAll(async () => {
  root = await makeAuthority();
  intermediate = await root.subordinate('Intermediate');
  [old, next] = await Promise.all([intermediate.issue(), intermediate.issue()]);
});

/** inotify that is used up, as chokidar reports it. */
const noWatch: WatchFiles = (_, { failed }) => {
  failed(Object.assign(new Error('ENOSPC: System limit for number of file watchers reached'), { code: 'ENOSPC' }));
  return Promise.resolve({ close: () => Promise.resolve() });
};

/** Thirty seconds are half of one. */
const TIMES = 60;

const WATCHES: Readonly<Record<string, () => Watching>> = {
  'by the watch': () => ({ clock: systemClock }),
  'by the poll': () => ({ clock: fastClock(TIMES), watch: noWatch }),
};

interface Way {
  readonly begin?: (directory: IdentityDirectory, old: Pair) => Promise<unknown>;
  readonly change: (directory: IdentityDirectory, next: Pair) => Promise<unknown>;
}

const kubernetes: Way['begin'] = async (directory, pair) => {
  await directory.swapData(pair);
  await directory.linkThroughData();
};

const WAYS: Readonly<Record<string, Way>> = {
  'Kubernetes swaps ..data and removes the old directory': {
    begin: kubernetes,
    change: async (directory, pair) => {
      await directory.swapData(pair);
      await rm(`${directory.path}/..2026_1`, { recursive: true });
    },
  },
  'Kubernetes swaps ..data and leaves the old directory': {
    begin: kubernetes,
    change: (directory, pair) => directory.swapData(pair),
  },
  'both are renamed over': {
    change: async (directory, pair) => {
      await directory.renameOver(directory.certificate, pair.certificatePem);
      await directory.renameOver(directory.key, pair.keyPem);
    },
  },
  'renamed over by files that are older': {
    change: async (directory, pair) => {
      for (const [file, content] of [
        [directory.certificate, pair.certificatePem],
        [directory.key, pair.keyPem],
      ] as const) {
        await directory.write(`${file}.old`, content);
        await utimes(`${file}.old`, 1_000_000_000, 1_000_000_000);
        await rename(`${file}.old`, file);
      }
    },
  },
  'certbot unlinks and links them again': {
    begin: (directory, pair) => directory.relink(pair),
    change: (directory, pair) => directory.relink(pair),
  },
  'truncated and written in place, in two pieces': {
    change: async (directory, pair) => {
      const half = pair.certificatePem.length / 2;
      await directory.write(directory.certificate, pair.certificatePem.slice(0, half));
      await delay(40);
      await directory.write(directory.certificate, pair.certificatePem);
      await delay(80);
      await directory.write(directory.key, pair.keyPem);
    },
  },
  'the certificate comes first, the key a second later': {
    change: async (directory, pair) => {
      await directory.write(directory.certificate, pair.certificatePem);
      await delay(1_000);
      await directory.write(directory.key, pair.keyPem);
    },
  },
  'the key comes first, the certificate a second later': {
    change: async (directory, pair) => {
      await directory.write(directory.key, pair.keyPem);
      await delay(1_000);
      await directory.write(directory.certificate, pair.certificatePem);
    },
  },
  'both vanish, and come back as others': {
    change: async (directory, pair) => {
      await unlink(directory.certificate);
      await unlink(directory.key);
      await delay(700);
      await directory.writePair(pair);
    },
  },
};

describe.each(Object.entries(WATCHES))('a change is found %s', (_, watching) => {
  test.each(Object.entries(WAYS))('%s', async (_way, { begin, change }) => {
    const directory = await IdentityDirectory.make();
    await (begin ? begin(directory, old) : directory.writePair(old));
    const watched = new WatchedDirectory(directory, watching());
    await watched.uses(old);
    // The watch takes a moment to begin; what happens before is the poll's.
    await delay(200);
    await change(directory, next);
    await watched.uses(next);
    expect(watched.fingerprints).toEqual([old, next].map(({ certificateDer }) => fingerprintOf(certificateDer)));
    expect(watched.allProven).toBe(true);
  });
});

describe('changes that only the poll can find', () => {
  test('finds files in a new directory', async () => {
    const directory = await IdentityDirectory.make();
    await rm(directory.path, { recursive: true });
    const watched = new WatchedDirectory(directory, { clock: fastClock(TIMES) });
    await watched.says('FILE_MISSING');
    await IdentityDirectory.make().then(async (other) => {
      await other.writePair(next);
      await rename(other.path, directory.path);
    });
    await watched.uses(next);
  });

  test('finds a directory that replaces another', async () => {
    const [directory, other] = [await IdentityDirectory.make(), await IdentityDirectory.make()];
    await directory.writePair(old);
    const watched = new WatchedDirectory(directory, { clock: fastClock(TIMES) });
    await watched.uses(old);
    await other.writePair(next);
    await rename(directory.path, `${directory.path}-gone`);
    await rename(other.path, directory.path);
    await watched.uses(next);
    await rm(`${directory.path}-gone`, { recursive: true });
  });
});

test('watches a directory that is a link', async () => {
  const [directory, real] = [await IdentityDirectory.make(), await IdentityDirectory.make()];
  await real.writePair(old);
  await rm(directory.path, { recursive: true });
  await symlink(real.path, directory.path);
  const watched = new WatchedDirectory(directory, { clock: systemClock });
  await watched.uses(old);
  for (const pair of [next, old]) {
    await delay(200);
    await directory.renameOver(directory.certificate, pair.certificatePem);
    await directory.renameOver(directory.key, pair.keyPem);
    await watched.uses(pair);
  }
});

describe('new identities of every kind', () => {
  const start = async (first: Pair): Promise<{ directory: IdentityDirectory; watched: WatchedDirectory }> => {
    const directory = await IdentityDirectory.make();
    await directory.writePair(first);
    const watched = new WatchedDirectory(directory, { clock: fastClock(TIMES) });
    await watched.uses(first);
    return { directory, watched };
  };

  test('accepts another algorithm, and the old one again', async () => {
    const rsa = await intermediate.issue({ keys: 'RSA-2048' });
    const { directory, watched } = await start(old);
    for (const pair of [rsa, next]) {
      await directory.writePair(pair);
      await watched.uses(pair);
    }
    expect(watched.fingerprints).toHaveLength(3);
    expect(watched.allProven).toBe(true);
  });

  test('accepts the same certificate with an intermediate, then one of another CA', async () => {
    const { directory, watched } = await start(old);
    await directory.write(directory.certificate, old.certificatePem + intermediate.certificatePem);
    await eventually('a chain', 5_000, () => watched.chain.at(0));
    expect(watched.chain).toEqual([intermediate.certificateDer]);
    const another = await root.subordinate('Another');
    const leaf = await another.issue();
    await directory.writePair({ ...leaf, certificatePem: leaf.certificatePem + another.certificatePem });
    await watched.uses(leaf);
    expect(watched.chain).toEqual([another.certificateDer]);
  });

  test('warns about another subject and its effect', async () => {
    const another = await intermediate.issue({ subject: 'CN=device-0002,O=Example' });
    const { directory, watched } = await start(old);
    await directory.writePair(another);
    await watched.uses(another);
    const { level, fields } = await watched.says('CERTIFICATE_SUBJECT_CHANGED');
    expect(level).toBe('warn');
    expect(fields['error']).toContain('CN=device-0001, O=Example to CN=device-0002, O=Example');
    expect(fields['remedy']).toMatch(/x509Subject.*SourceIdentity/);
  });

  test('accepts PKCS#12 in place of PEM, and PEM again', async () => {
    const pkcs12 = await readFile(new URL('device.p12', import.meta.url));
    const clock = fastClock(TIMES, Date.parse('2030-01-01T00:00:00Z'));
    const directory = await IdentityDirectory.make();
    await directory.write(directory.certificate, old.certificatePem + old.keyPem);
    const watched = new WatchedDirectory(directory, { clock, secret: 'geheim', inOneFile: true });
    await watched.uses(old);
    await directory.write(directory.certificate, pkcs12);
    const { fields } = await watched.says('CERTIFICATE_SUBJECT_CHANGED');
    expect(fields['error']).toContain('from CN=device-0001, O=Example to ');
    await directory.write(directory.certificate, next.certificatePem + next.keyPem);
    await watched.uses(next);
    expect(watched.fingerprints).toHaveLength(3);
    expect(watched.allProven).toBe(true);
  });
});

describe('an invalid change keeps the old identity and is logged once after ten seconds', () => {
  type Spoil = (directory: IdentityDirectory) => Promise<unknown>;
  const cases: Readonly<Record<string, readonly [code: string, spoil: Spoil]>> = {
    'half a certificate': [
      'PEM_BLOCK_UNFINISHED',
      (directory) => directory.write(directory.certificate, next.certificatePem.slice(0, 300)),
    ],
    'an empty key': ['FILE_EMPTY', (directory) => directory.write(directory.key, '')],
    'a certificate that has vanished': ['FILE_MISSING', (directory) => unlink(directory.certificate)],
    'a key that cannot be read': [
      'FILE_UNREADABLE',
      async (directory) => {
        await unlink(directory.key);
        // A link to itself, which not even root can read.
        await symlink('tls.key', directory.key);
      },
    ],
    'a key that others can read': ['KEY_FILE_EXPOSED', (directory) => chmod(directory.key, 0o644)],
    'a certificate without its key': [
      'KEY_CERTIFICATE_MISMATCH',
      (directory) => directory.write(directory.certificate, next.certificatePem),
    ],
    'a certificate that has expired': [
      'CERTIFICATE_EXPIRED',
      async (directory) => {
        await directory.writePair(await intermediate.issue({ notAfter: Date.UTC(2026, 0, 1) }));
      },
    ],
    'a certificate that has not begun': [
      'CERTIFICATE_NOT_YET_VALID',
      async (directory) => {
        await directory.writePair(await intermediate.issue({ notBefore: Date.UTC(2044, 0, 1) }));
      },
    ],
  };

  test.each(Object.entries(cases))('%s', async (_, [code, spoil]) => {
    const directory = await IdentityDirectory.make();
    await directory.writePair(old);
    const watched = new WatchedDirectory(directory, { clock: fastClock(TIMES) });
    await watched.uses(old);
    await spoil(directory);
    expect((await watched.says(code)).fields['remedy']).toMatch(/\w/);
    await delay(60_000 / TIMES);
    // Of this clock, the five seconds for reading files are 83 ms: a busy machine may need more.
    expect(watched.warnings.filter((warned) => warned !== 'FILES_SLOW')).toEqual([code]);
    expect(new X509Certificate((await watched.identity.current()).certificate).serialNumber).toBe(
      new X509Certificate(old.certificatePem).serialNumber,
    );
    await rm(directory.key, { force: true });
    await directory.writePair(next);
    await watched.uses(next);
    expect(watched.fingerprints).toHaveLength(2);
  });

  test('an incomplete file is not logged for ten seconds', async () => {
    const directory = await IdentityDirectory.make();
    await directory.writePair(old);
    const watched = new WatchedDirectory(directory, { clock: fastClock(5) });
    await watched.uses(old);
    await directory.write(directory.certificate, next.certificatePem.slice(0, 300));
    await delay(4_000 / 5);
    await directory.writePair(next);
    await watched.uses(next);
    expect(watched.warnings).toEqual([]);
  });
});
