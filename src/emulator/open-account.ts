import { existsSync } from 'node:fs';
import path from 'node:path';
import { type Account, loadAccount } from './account.ts';
import { createAccount } from './new-account.ts';

/** The account in the directory. Creates one first if the directory is empty or missing. */
export async function openAccount(directory: string, now: number): Promise<Account> {
  if (!existsSync(path.join(directory, 'account.yaml'))) await createAccount(directory, { now });
  return loadAccount(directory);
}
