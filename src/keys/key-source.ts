// Keys and certificates that are not in files: what stands at identity.privateKey and identity.certificate in their place.

/** Where a key is that never leaves its place. A key in a file is named by its path. */
export type KeySource = Pkcs11Source;

/** A key or a certificate in a token, or in anything else that has a PKCS#11 module. */
export interface Pkcs11Source {
  readonly kind: 'pkcs11';
  /** RFC 7512, without PIN and module. */
  readonly uri: string;
  /** Path of the module, or a name that the loader of the system finds. */
  readonly module: string;
}

/** The path, where what is named is a file. */
export function filePath(named: string | KeySource | undefined): string | undefined {
  return typeof named === 'string' ? named : undefined;
}

/** As messages name it. */
export function sourceText(source: KeySource): string {
  return source.uri;
}

/** What signs one at a time, and is asked for one thing at a time. */
export function deviceOf(source: KeySource): string {
  return source.module;
}
