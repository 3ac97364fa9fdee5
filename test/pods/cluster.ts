import { execFileSync } from 'node:child_process';
import { createPublicKey } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { hasTool } from '../support/tools.ts';

// A cluster that signs tokens like kube-apiserver, and an attacker with tools of his own. OpenSSL makes all keys and
// signatures, so that no mistake of the library under test can cancel itself out.

export const hasOpenssl = hasTool('openssl', 'version');

export const ISSUER = 'https://kubernetes.default.svc.cluster.local';
export const AUDIENCE = 'imds-anywhere';
export const NOW = Date.parse('2026-11-22T12:00:00Z');
const SECONDS = NOW / 1_000;

type Json = Readonly<Record<string, unknown>>;

/** What kube-apiserver puts into a token of a pod. Times are seconds from {@link NOW}. */
export function podClaims(changes: Json = {}, life: readonly [number, number] = [0, 600]): Json {
  const [from, to] = life;
  return {
    aud: [AUDIENCE],
    exp: SECONDS + to,
    iat: SECONDS + from,
    nbf: SECONDS + from,
    iss: ISSUER,
    jti: '8dc3fde8-3f43-4a33-93ea-0d5b7a6d3a4c',
    sub: 'system:serviceaccount:shop:uploader',
    'kubernetes.io': kubernetesClaims(),
    ...changes,
  };
}

export function kubernetesClaims(changes: Json = {}): Json {
  return {
    namespace: 'shop',
    serviceaccount: { name: 'uploader', uid: '16eb3a4e-5b2f-4c55-9d1d-b4b8a4f4b6a1' },
    pod: { name: 'uploader-5d9c7', uid: '77c8a0a2-1d7b-4a0e-8a3a-0d9b4d0e7c11' },
    node: { name: 'node-a', uid: 'b977f3f0-6a5e-4a8e-9a55-6b6de8d35a55' },
    ...changes,
  };
}

/** A key pair in a file, made by OpenSSL. */
export class SigningKey {
  readonly kid: string;
  readonly #directory: string;
  readonly #isRsa: boolean;

  constructor(kid: string, algorithm: 'rsa' | 'rsa1024' | 'P-256' | 'P-384' = 'rsa') {
    this.kid = kid;
    this.#isRsa = algorithm.startsWith('rsa');
    this.#directory = mkdtempSync(path.join(tmpdir(), 'imds-anywhere-key-'));
    const option = this.#isRsa
      ? ['-algorithm', 'RSA', '-pkeyopt', `rsa_keygen_bits:${algorithm === 'rsa' ? 2048 : 1024}`]
      : ['-algorithm', 'EC', '-pkeyopt', `ec_paramgen_curve:${algorithm}`];
    execFileSync('openssl', ['genpkey', ...option, '-out', this.#file], { stdio: 'ignore' });
  }

  get #file(): string {
    return path.join(this.#directory, 'key.pem');
  }

  get publicPem(): string {
    return execFileSync('openssl', ['pkey', '-in', this.#file, '-pubout'], { encoding: 'latin1' });
  }

  /** As in `/openid/v1/jwks`. */
  get jwk(): Json {
    const key = createPublicKey(this.publicPem);
    const { crv } = key.export({ format: 'jwk' });
    const alg = this.#isRsa ? 'RS256' : crv === 'P-256' ? 'ES256' : 'ES384';
    return { use: 'sig', kid: this.kid, alg, ...key.export({ format: 'jwk' }) };
  }

  sign(message: string, digest = 'sha256', options: readonly string[] = []): Buffer {
    const args = ['dgst', `-${digest}`, ...options, '-sign', this.#file];
    const signature = execFileSync('openssl', args, { input: message });
    return this.#isRsa ? signature : rawSignature(signature, digest === 'sha256' ? 32 : 48);
  }

  /** A token with this header and payload. Texts are taken as they are. */
  token(payload: Json | string, header: Json = {}): string {
    const head = { alg: this.jwk['alg'], kid: this.kid, ...header };
    const message = `${encoded(head)}.${encoded(payload)}`;
    return `${message}.${this.sign(message, this.jwk['alg'] === 'ES384' ? 'sha384' : 'sha256').toString('base64url')}`;
  }

  remove(): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

export function encoded(value: Json | string): string {
  return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
}

/** HMAC-SHA256 by OpenSSL. */
export function hmac(message: string, secret: string | Buffer): Buffer {
  const hexkey = Buffer.from(secret).toString('hex');
  return execFileSync('openssl', ['dgst', '-sha256', '-mac', 'HMAC', '-macopt', `hexkey:${hexkey}`, '-binary'], {
    input: message,
  });
}

export function keySetText(...keys: readonly SigningKey[]): string {
  return JSON.stringify({ keys: keys.map(({ jwk }) => jwk) });
}

/** DER: SEQUENCE of two INTEGERs. JWS has the two numbers, each of the size of the curve. */
function rawSignature(der: Buffer, size: number): Buffer {
  const numbers: Buffer[] = [];
  for (let at = der[1] === 0x81 ? 3 : 2; at < der.length; at += 2 + (der[at + 1] ?? 0))
    numbers.push(der.subarray(at + 2, at + 2 + (der[at + 1] ?? 0)));
  return Buffer.concat(
    numbers.map((number) => {
      const bare = number.length > size ? number.subarray(number.length - size) : number;
      return Buffer.concat([Buffer.alloc(size - bare.length), bare]);
    }),
  );
}
