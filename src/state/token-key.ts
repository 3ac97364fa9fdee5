import { randomBytes } from 'node:crypto';

// The key of the metadata tokens stands in a file of its own, readable for this user, and is not sealed: an endpoint has to know it
// before the private key has been read, and a user who can read the file could as well take a token from the endpoint. It opens nothing
// but the endpoints of this host.

export const TOKEN_KEY_FILE = 'metadata-token-key';

const FORM = /^imds-anywhere metadata token key 1\n([0-9a-f]{64})\n$/;

export function newTokenKey(): Buffer {
  return randomBytes(32);
}

export function tokenKeyFile(key: Buffer): Buffer {
  return Buffer.from(`imds-anywhere metadata token key 1\n${key.toString('hex')}\n`);
}

/** @returns undefined unless the file is whole. */
export function tokenKeyIn(content: Buffer): Buffer | undefined {
  const hex = FORM.exec(content.toString('latin1'))?.[1];
  return hex === undefined ? undefined : Buffer.from(hex, 'hex');
}
