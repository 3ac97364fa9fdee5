import { randomBytes } from 'node:crypto';

// The key of the metadata tokens has its own file, readable for this user and not sealed. An
// endpoint needs it before the private key is loaded. A user who can read the file could also get a
// token from the endpoint. The key only opens the endpoints of this host.

export const TOKEN_KEY_FILE = 'metadata-token-key';

const FORM = /^imds-anywhere metadata token key 1\n([0-9a-f]{64})\n$/;

export function newTokenKey(): Buffer {
  return randomBytes(32);
}

export function tokenKeyFile(key: Buffer): Buffer {
  return Buffer.from(`imds-anywhere metadata token key 1\n${key.toString('hex')}\n`);
}

/** @returns undefined unless the file is complete. */
export function tokenKeyIn(content: Buffer): Buffer | undefined {
  const hex = FORM.exec(content.toString('latin1'))?.[1];
  return hex === undefined ? undefined : Buffer.from(hex, 'hex');
}
