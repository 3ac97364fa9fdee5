import { createPublicKey, type KeyObject } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import type { IdentityConfig } from '../../src/config/config.ts';
import { CodedError } from '../../src/foundation/errors.ts';
import { type RequestedKey, requestedKey } from '../../src/identity/requested-key.ts';
import type { CommandSource } from '../../src/keys/key-source.ts';
import type { OutsideKeys } from '../../src/keys/outside-keys.ts';
import { type Issued, makeAuthority } from '../support/pki.ts';
import { NOW, writeFile } from './identity-directory.ts';

/** One key in both forms, written by OpenSSH: `ssh-keygen -t ecdsa`, `ssh-keygen -e -m PKCS8`. */
const SSH =
  'ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBGq9LmU0hLi6nBbC8SnyhXjIcoZXmLHHS1bDDafRn0HMUqvQuU/bDS+aDV5h3YDc4f7r4TBLcWcjVijxiGLb03g= device';
const PEM = `-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEar0uZTSEuLqcFsLxKfKFeMhyhleY
scdLVsMNp9GfQcxSq9C5T9sNL5oNXmHdgNzh/uvhMEtxZyNWKPGIYtvTeA==
-----END PUBLIC KEY-----
`;
const SSH_RSA =
  'ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQC2asc496TeayEPE7fJIgcEU+w2IU91QLpEfzMdbRUlWCMLbwj4AfscrCYNqCFj6DbkiDQU+OzSaPGeZfG8Lwq6gvvDwvBXU17NyiRgfBIcBfPw5jjWfL8tHbi6PKZO78HOKqEqeYSD79ijlQmVYATAKS7HF5KR7Tkb/VIyFfuCQ1aDrZ+s2omvU3ZjA+zH+5RTq8hcybRFGJca5hjrAX3cINkPm3wV+4z445h6HAWfhfTADPwAOY+GkJeQrOVZfGcdSK9VYIo8Fk4eicwulOXsUpPyncO8+da/xOaduXNuzAeCKFA709BU/bpUb1peTODOrF7g2WSAiqiIAhRapwCV device';
/** Of its PKCS#8 form, by `openssl pkey -pubin -noout -text`. */
const SSH_RSA_MODULUS_START = 'B66AC738F7A4DE6B';

const command: CommandSource = { kind: 'command', argv: ['/bin/true'], environment: [], timeoutMs: 1_000 };

let device: Issued;
let other: Issued;
beforeAll(async () => {
  const root = await makeAuthority();
  [device, other] = [await root.issue(), await root.issue()];
});

const publicKey = (pem: string): KeyObject => createPublicKey(pem);
const spki = (pem: string): Uint8Array => publicKey(pem).export({ format: 'der', type: 'spki' });

interface Asked {
  /** What the place of the key says it has; undefined: nothing. */
  readonly held?: readonly string[] | undefined;
  /** Content of the file with the public key. */
  readonly named?: string | Buffer;
}

function ask(config: Partial<IdentityConfig>, { held, named }: Asked = {}): Promise<RequestedKey> {
  const keys: OutsideKeys = {
    sign: () => Promise.reject(new Error('nothing is signed')),
    publicKeys: () => Promise.resolve(held?.map(spki)),
    certificates: () => Promise.reject(new Error('no certificate is needed')),
  };
  return requestedKey(
    { certificate: '/does/not/exist.pem', allowReadableKey: false, ...config },
    { now: NOW, environment: { PIN: '1234' } },
    { keys, named: named === undefined ? undefined : writeFile(named) },
  );
}

const failure = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'none',
    (error: unknown) => (error instanceof CodedError ? `${error.code} ${error.message}` : String(error)),
  );

describe('a key in a file', () => {
  test('needs no certificate', async () => {
    const { algorithm, key, publicKey: found } = await ask({ privateKey: writeFile(device.keyPem) });
    expect([algorithm, key.kind, found.equals(publicKey(device.certificatePem))]).toEqual([
      'AWS4-X509-ECDSA-SHA256',
      'file',
      true,
    ]);
  });

  test('may be in the file of the certificate', async () => {
    const { publicKey: found } = await ask({ certificate: writeFile(device.certificatePem + device.keyPem) });
    expect(found.equals(publicKey(device.certificatePem))).toBe(true);
  });

  test('must be the named one', async () => {
    const privateKey = writeFile(device.keyPem);
    expect(await failure(ask({ privateKey }, { named: device.certificatePem }))).toBe('none');
    expect(await failure(ask({ privateKey }, { named: other.certificatePem }))).toBe(
      `PUBLIC_KEY_NEEDED ${privateKey} holds another key`,
    );
  });
});

describe('a key in another place', () => {
  test('is the only one there', async () => {
    const { algorithm, key, publicKey: found } = await ask({ privateKey: command }, { held: [PEM] });
    expect(algorithm).toBe('AWS4-X509-ECDSA-SHA256');
    expect(found.equals(publicKey(PEM))).toBe(true);
    expect(key).toMatchObject({ ...command, secret: undefined, publicKey: found });
  });

  test('is the same one, however often it is listed', async () => {
    expect((await ask({ privateKey: command }, { held: [PEM, PEM] })).publicKey.equals(publicKey(PEM))).toBe(true);
  });

  test.each([
    ['nothing', undefined, undefined, '/bin/true does not say which key it has'],
    ['no key', [], undefined, 'none of the 0 keys at /bin/true is the one wanted'],
    ['two keys', ['device', 'other'], undefined, 'there are 2 keys at /bin/true'],
    ['two other keys', ['device', 'other'], PEM, 'none of the 2 keys at /bin/true is the one wanted'],
  ])('that says it has %s is unclear', async (_, names, named, what) => {
    const held = names?.map((name) => (name === 'device' ? device : other).certificatePem);
    const asked = ask({ privateKey: command }, { held, ...(named !== undefined && { named }) });
    expect(await failure(asked)).toBe(`PUBLIC_KEY_NEEDED ${what}`);
  });

  test('is the named one of several', async () => {
    const held = [device.certificatePem, PEM, other.certificatePem];
    const { publicKey: found } = await ask({ privateKey: command }, { held, named: PEM });
    expect(found.equals(publicKey(PEM))).toBe(true);
  });

  test('is the named one if that place does not say what it has', async () => {
    const { publicKey: found } = await ask({ privateKey: command }, { named: PEM });
    expect(found.equals(publicKey(PEM))).toBe(true);
  });

  test('is opened with its PIN', async () => {
    const passphrase = { from: 'environment', variable: 'PIN' } as const;
    const { key } = await ask({ privateKey: command, passphrase }, { held: [PEM] });
    expect('secret' in key && key.secret?.export().toString()).toBe('1234');
  });

  test('is not asked for if another user can change the program', async () => {
    const program = writeFile('#!/bin/sh\n', { mode: 0o777 });
    const asked = ask({ privateKey: { ...command, argv: [program] } }, { held: [PEM] });
    expect(await failure(asked)).toContain(program);
  });
});

test('a key of a SPIFFE agent is not requested: it comes with its certificate', async () => {
  expect(await failure(ask({ certificate: { kind: 'spiffe' } }))).toMatch(/^SPIFFE_OWN_KEYS /);
});

describe('a public key is named by a file', () => {
  const found = async (named: string | Buffer): Promise<KeyObject> =>
    (await ask({ privateKey: command }, { named })).publicKey;

  test('of OpenSSH', async () => {
    expect((await found(`# formerly ssh-rsa AAAA\n${SSH}\n`)).equals(publicKey(PEM))).toBe(true);
    const { n } = (await found(SSH_RSA)).export({ format: 'jwk' });
    expect(
      Buffer.from(n ?? '', 'base64url')
        .toString('hex')
        .toUpperCase(),
    ).toMatch(new RegExp(`^${SSH_RSA_MODULUS_START}`));
  });

  test('in PEM, or with a certificate in either form', async () => {
    for (const named of [device.certificatePem, device.certificateDer])
      expect((await found(named)).equals(publicKey(device.certificatePem))).toBe(true);
  });

  test.each([
    ['text', 'hello'],
    ['an Ed25519 key of OpenSSH', 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA device'],
    ['a damaged key of OpenSSH', 'ecdsa-sha2-nistp256 AAAA device'],
    ['a damaged PEM block', PEM.replace('MFkw', 'AAAA')],
  ])('but not by %s', async (_, named) => {
    expect(await failure(found(named))).toMatch(/^PUBLIC_KEY_UNREADABLE \S+ holds no public key that can be read$/);
  });
});
