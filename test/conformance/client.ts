/** A client of the matrix and its location; clients.ts has all of them. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** From the bundle in .cache/programs, and from here. */
const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');

export interface Client {
  readonly name: string;
  /** Directory of its program and pinned manifest in test/conformance/clients. */
  readonly directory: string;
  /** Throws if the client is not installed. */
  readonly version: (place: Place) => string;
  readonly command: (place: Place) => readonly string[];
  /**
   * `lines`: one process answers all questions in order; `process`: each question has its own
   * process.
   */
  readonly conversation: 'lines' | 'process';
  /** Scenario -> why it does not apply to this client. */
  readonly outside?: Readonly<Record<string, string>>;
  /** Without credentials, it sends an unsigned request, whatever the endpoint answers. */
  readonly goesAnonymous?: true;
}

/** The client's own files, and the files from install.sh. */
export interface Place {
  readonly source: string;
  readonly installed: string;
}

export function placeOf({ directory }: Client): Place {
  return {
    source: path.join(ROOT, 'test/conformance/clients', directory),
    installed: path.join(ROOT, '.cache/conformance', directory),
  };
}

/** The version in the manifest of an installed client. */
export function pinned(manifest: string, pattern: RegExp): Client['version'] {
  return ({ source, installed }) => {
    if (!existsSync(path.join(installed, 'stamp')))
      throw new Error('test/conformance/install.sh has not put it in place');
    const version = pattern.exec(readFileSync(path.join(source, manifest), 'utf8'))?.[1];
    if (version === undefined) throw new Error(`${manifest} does not name its version`);
    return version;
  };
}

/** The version that an installed program prints. */
export function printedVersion(command: (place: Place) => readonly string[], pattern: RegExp): Client['version'] {
  return (place) => {
    const [program = '', ...args] = command(place);
    const output = execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    const version = pattern.exec(output)?.[1];
    if (version === undefined) throw new Error(`${program} does not print its version`);
    return version;
  };
}
