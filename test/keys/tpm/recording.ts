import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { TpmPasswords } from '../../../src/keys/tpm/key-use.ts';
import type { Random } from '../../../src/keys/tpm/session.ts';
import type { Exchange } from '../../../src/keys/tpm/tpm.ts';
import type { TpmKeyLocation } from '../../../src/keys/tpm/tpm-key.ts';
import type { Exchanged } from './with-tpm.ts';

const DIRECTORY = path.resolve(import.meta.dirname, '../../vectors/tpm');

/** The message of all signatures. */
export const SIGNED = 'what is signed';

export interface Given {
  readonly password?: string;
  readonly parentPassword?: string;
  readonly ownerPassword?: string;
}

/** One signature, or refusal, of swtpm. All bytes in hex. */
export interface Recorded {
  /** Also the seed of what is random. */
  readonly title: string;
  readonly location: { readonly file: string } | { readonly handle: number };
  readonly given: Given;
  /** Command and answer, in turn. */
  readonly exchanges: readonly string[];
  readonly outcome: { readonly signature: string } | { readonly code: string };
}

export function recorded(): Recorded[] {
  return readdirSync(DIRECTORY).map((name) => JSON.parse(readFileSync(path.join(DIRECTORY, name), 'utf8')) as Recorded);
}

/** The same bytes for the same seed: a recorded exchange is repeated with them. */
export function seededRandom(seed: string): Random {
  let count = 0;
  return (bytes) => {
    const blocks = Array.from({ length: Math.ceil(bytes / 32) }, (_, block) =>
      createHash('sha256').update(`${seed} ${count} ${block}`).digest(),
    );
    count += 1;
    return Buffer.concat(blocks).subarray(0, bytes);
  };
}

/** Answers what was recorded, to exactly the commands that were recorded. */
export function replayed(exchanges: readonly string[]): Exchange {
  const rest = [...exchanges];
  return (command) => {
    const [expected, answer = ''] = rest.splice(0, 2);
    return command.toString('hex') === expected
      ? Promise.resolve(Buffer.from(answer, 'hex'))
      : Promise.reject(new Error(`this was not recorded: ${command.toString('hex')}`));
  };
}

/** Writes a vector where RECORD_TPM is set: once, after a change of what is sent. */
export function record(
  title: string,
  { location, given }: { readonly location: TpmKeyLocation; readonly given: Given },
  { exchanged, outcome }: { readonly exchanged: readonly Exchanged[]; readonly outcome: Recorded['outcome'] },
): void {
  // A salt encrypted to an RSA key differs each time: OpenSSL has its own random numbers.
  if (!process.env['RECORD_TPM'] || title.includes('RSA root key')) return;
  mkdirSync(DIRECTORY, { recursive: true });
  const vector: Recorded = {
    title,
    location: 'file' in location ? { file: Buffer.from(location.file).toString('hex') } : location,
    given,
    exchanges: exchanged.flatMap(({ command, answer }) => [command.toString('hex'), answer.toString('hex')]),
    outcome,
  };
  const name = title.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-');
  writeFileSync(path.join(DIRECTORY, `${name}.json`), `${JSON.stringify(vector, undefined, 1)}\n`);
}

export function passwordsOf({ password = '', parentPassword = '', ownerPassword = '' }: Given): TpmPasswords {
  return { key: Buffer.from(password), parent: Buffer.from(parentPassword), owner: Buffer.from(ownerPassword) };
}
