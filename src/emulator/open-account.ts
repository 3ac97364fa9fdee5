import { existsSync } from 'node:fs';
import path from 'node:path';
import { loadAccount, type Account } from './account.ts';
import { createAccount } from './new-account.ts';

/** The account in the directory; an empty or missing directory gets a new one first. */
export async function openAccount(directory: string, now: number): Promise<Account> {
  if (!existsSync(path.join(directory, 'account.yaml'))) await createAccount(directory, { now });
  return loadAccount(directory);
}
