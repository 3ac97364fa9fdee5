import type { TpmPasswords } from './key-use.ts';

/** What a TPM may ask for; all of it may be absent. */
export interface TpmPasswordTexts {
  /** Of the key. */
  readonly key?: string | undefined;
  /** Of its parent, where that has a handle of its own. */
  readonly parent?: string | undefined;
  /** Of the owner hierarchy. */
  readonly owner?: string | undefined;
}

/** As one text: a key has one secret. Undefined: there is none. */
export function secretFrom({ key, parent, owner }: TpmPasswordTexts): string | undefined {
  const given = [key, parent, owner].some((text) => text !== undefined);
  return given ? JSON.stringify({ key, parent, owner }) : undefined;
}

export function passwordsIn(secret: string | undefined): TpmPasswords {
  const { key = '', parent = '', owner = '' } = JSON.parse(secret ?? '{}') as TpmPasswordTexts;
  return { key: Buffer.from(key), parent: Buffer.from(parent), owner: Buffer.from(owner) };
}
