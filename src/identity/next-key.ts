/**
 * Where `rekey` keeps the key of the next certificate, if certificate and key are in two files. The
 * certificate is replaced while both keys are on disk.
 */
import type { IdentityConfig } from '../config/config.ts';
import { type FileContent, type ReadFileContent, readFileContent } from '../files/read-file.ts';
import { CodedError } from '../foundation/errors.ts';

export interface PairFiles {
  readonly certificate: string;
  readonly privateKey: string;
  readonly nextKey: string;
  /** The operator accepts what other users may do with the key, and so with the next one. */
  readonly allowReadableKey: boolean;
}

/** Undefined: certificate and key are in one file, or the key is not replaced. */
export function pairFiles({ certificate, privateKey, allowReadableKey, renew }: IdentityConfig): PairFiles | undefined {
  if (!renew?.rekey || typeof certificate !== 'string' || typeof privateKey !== 'string') return undefined;
  if (certificate === privateKey) return undefined;
  return { certificate, privateKey, nextKey: `${privateKey}.next`, allowReadableKey };
}

/** @returns undefined if there is none. @throws CodedError */
export async function readNextKey(
  { nextKey }: PairFiles,
  read: ReadFileContent = readFileContent,
): Promise<FileContent | undefined> {
  return read(nextKey).catch((error: unknown) => {
    if (error instanceof CodedError && error.code === 'FILE_MISSING') return undefined;
    throw error;
  });
}
