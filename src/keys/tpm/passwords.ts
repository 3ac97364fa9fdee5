import type { TpmPasswords } from './key-use.ts';

/** Passwords that a TPM may require; all may be absent. */
export interface TpmPasswordTexts {
  /** Of the key. */
  readonly key?: string | undefined;
  /** Of its parent, if that has its own handle. */
  readonly parent?: string | undefined;
  /** Of the owner hierarchy. */
  readonly owner?: string | undefined;
}

/** As one text, because a key has one secret. Undefined: there is none. */
export function secretFrom({ key, parent, owner }: TpmPasswordTexts): string | undefined {
  const given = [key, parent, owner].some((text) => text !== undefined);
  return given ? JSON.stringify({ key, parent, owner }) : undefined;
}

export function passwordsIn(secret: string | undefined): TpmPasswords {
  const { key = '', parent = '', owner = '' } = JSON.parse(secret ?? '{}') as TpmPasswordTexts;
  return { key: Buffer.from(key), parent: Buffer.from(parent), owner: Buffer.from(owner) };
}
