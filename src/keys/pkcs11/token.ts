// The token operations of the key process: find the token, log in, find the key, sign. One request,
// one session, one login.
import { createHash, X509Certificate } from 'node:crypto';
import { type KeyErrorCode, KeyFailure } from '../key-errors.ts';
import type { FoundCertificates, KeyRequest, KeyResults, SignRequest } from '../key-request.ts';
import type { Pkcs11Source } from '../key-source.ts';
import type { SigningAlgorithm } from '../signing-key.ts';
import {
  CKA,
  CKF,
  CKM,
  CKO,
  CKR,
  CKU,
  type Cryptoki,
  CryptokiError,
  loadModule,
  Session,
  type SlotWithToken,
  type Template,
  tokensIn,
  type Ulong,
} from './cryptoki.ts';
import { cryptokiFailure } from './cryptoki-failure.ts';
import { moduleFile } from './module-file.ts';
import { asDerSignature, publicKeyFrom } from './public-key.ts';
import { parsePkcs11Uri, type Pkcs11Uri } from './uri.ts';

/** @throws KeyFailure */
export async function askToken(source: Pkcs11Source, request: KeyRequest): Promise<KeyResults[keyof KeyResults]> {
  const { secret } = request;
  const parsed = parsePkcs11Uri(source.uri);
  if (!parsed.ok) throw new KeyFailure('KEY_URI_MALFORMED', `${source.uri}: ${parsed.fault}`, { retry: 'slow' });
  try {
    const module = await loadModule(moduleFile(source.module));
    const token = new Token(module, { uri: parsed.uri, text: source.uri, secret });
    return resultOf(token, request);
  } catch (error) {
    throw error instanceof CryptokiError ? cryptokiFailure(error, source.uri) : error;
  }
}

function resultOf(token: Token, request: KeyRequest): KeyResults[keyof KeyResults] {
  switch (request.operation) {
    case 'certificates':
      return token.certificates();
    case 'keys':
      return token.publicKeys();
    case 'sign':
      return token.sign(request);
  }
}

interface Wanted {
  readonly uri: Pkcs11Uri;
  /** For messages. */
  readonly text: string;
  readonly secret: string | undefined;
}

interface TokenKey {
  readonly handle: Ulong;
  readonly id: Buffer | undefined;
  readonly label: string;
  /** SubjectPublicKeyInfo; undefined if the token does not reveal it. */
  readonly publicKey: Buffer | undefined;
}

class Token {
  readonly #wanted: Wanted;
  readonly #slot: SlotWithToken;
  readonly #session: Session;

  constructor(module: Cryptoki, wanted: Wanted) {
    this.#wanted = wanted;
    this.#slot = oneToken(tokensIn(module), wanted);
    this.#session = new Session(module, this.#slot.slot);
  }

  /** Most tokens show certificates without a login, so log in only if there is none. */
  certificates(): FoundCertificates {
    const found = this.#certificates();
    if (found.certificates.length > 0) return found;
    if (this.#wanted.secret !== undefined) {
      this.#login();
      const hidden = this.#certificates();
      if (hidden.certificates.length > 0) return hidden;
    }
    throw this.#failure('PKCS11_CERTIFICATE_NOT_FOUND', `no certificate on ${this.#name} matches`);
  }

  /**
   * Undefined if the token does not reveal all of them. Then the certificate and a signature
   * decide.
   */
  publicKeys(): Uint8Array[] | undefined {
    const keys = this.#privateKeys();
    if (keys.length === 0) throw this.#noKey();
    const known = keys.flatMap(({ publicKey }) => publicKey ?? []);
    return known.length === keys.length ? known : undefined;
  }

  sign({ algorithm, message, publicKey }: SignRequest): Uint8Array {
    const keys = this.#privateKeys();
    const key = keys.find((each) => each.publicKey?.equals(publicKey)) ?? only(keys.filter((each) => !each.publicKey));
    if (!key) throw this.#noKey();
    return this.#signed(key, algorithm, Buffer.from(message));
  }

  get #name(): string {
    return `the token ${JSON.stringify(this.#slot.label)}`;
  }

  #failure(code: KeyErrorCode, what: string): KeyFailure {
    return new KeyFailure(code, `${this.#wanted.text}: ${what}`, { retry: 'slow' });
  }

  #certificates(): FoundCertificates {
    const { object, id } = this.#wanted.uri;
    const matching = this.#values([...named({ object, id }), [CKA.CLASS, CKO.CERTIFICATE]]);
    if (matching.length === 0) return { certificates: [], intermediates: [] };
    const all = this.#values([[CKA.CLASS, CKO.CERTIFICATE]]);
    return { certificates: matching, intermediates: issuersOf(matching, all) };
  }

  #values(template: Template): Buffer[] {
    return this.#session.find(template).flatMap((handle) => this.#session.attribute(handle, CKA.VALUE) ?? []);
  }

  /** By label and id. If only the certificate has that label, by the id of the certificate. */
  #privateKeys(): TokenKey[] {
    this.#login();
    const { object, id } = this.#wanted.uri;
    const direct = this.#keysWith(named({ object, id }));
    if (direct.length > 0 || object === undefined || id !== undefined) return direct;
    const certificates = this.#session.find([[CKA.CLASS, CKO.CERTIFICATE], ...named({ object })]);
    return certificates
      .flatMap((handle) => this.#session.attribute(handle, CKA.ID) ?? [])
      .flatMap((certificateId) => this.#keysWith(named({ id: certificateId })));
  }

  #keysWith(template: Template): TokenKey[] {
    return this.#session.find([[CKA.CLASS, CKO.PRIVATE_KEY], ...template]).map((handle) => {
      const id = this.#session.attribute(handle, CKA.ID);
      const label = this.#session.attribute(handle, CKA.LABEL)?.toString('utf8') ?? '';
      return { handle, id, label, publicKey: this.#publicKeyOf(handle, id) };
    });
  }

  /**
   * Some tokens have it on the private key, others on a public key or certificate with the same id.
   */
  #publicKeyOf(handle: Ulong, id: Buffer | undefined): Buffer | undefined {
    const own = publicKeyFrom((type) => this.#session.attribute(handle, type));
    if (own || !id) return own;
    for (const other of this.#session.find([[CKA.CLASS, CKO.PUBLIC_KEY], ...named({ id })])) {
      const found = publicKeyFrom((type) => this.#session.attribute(other, type));
      if (found) return found;
    }
    const [certificate] = this.#values([[CKA.CLASS, CKO.CERTIFICATE], ...named({ id })]);
    return certificate && publicKeyOfCertificate(certificate);
  }

  #login(): void {
    const { flags } = this.#slot;
    if ((flags & CKF.LOGIN_REQUIRED) === 0) return;
    const { secret } = this.#wanted;
    if ((flags & CKF.USER_PIN_LOCKED) !== 0)
      throw this.#failure('PKCS11_PIN_LOCKED', `${this.#name} has locked the PIN`);
    if (secret === undefined) {
      if ((flags & CKF.PROTECTED_AUTHENTICATION_PATH) !== 0)
        throw this.#failure('PKCS11_PIN_PAD', `${this.#name} wants the PIN typed at its reader`);
      throw this.#failure('PKCS11_PIN_MISSING', `${this.#name} wants a PIN`);
    }
    if ((flags & CKF.USER_PIN_FINAL_TRY) !== 0)
      throw this.#failure('PKCS11_LAST_TRY', `${this.#name} locks the PIN at the next wrong one`);
    this.#session.login(CKU.USER, Buffer.from(secret, 'utf8'));
  }

  #signed(key: TokenKey, algorithm: SigningAlgorithm, message: Buffer): Buffer {
    const confirm = (): void => {
      this.#confirm(key);
    };
    const sign = (mechanism: number, data: Buffer): Buffer => this.#session.sign(key.handle, mechanism, data, confirm);
    const digest = createHash('sha256').update(message).digest();
    if (algorithm === 'AWS4-X509-ECDSA-SHA256')
      return asDerSignature(
        orElse(
          () => sign(CKM.ECDSA, digest),
          () => sign(CKM.ECDSA_SHA256, message),
        ),
      );
    return orElse(
      () => sign(CKM.RSA_PKCS, Buffer.concat([DIGEST_INFO, digest])),
      () => sign(CKM.SHA256_RSA_PKCS, message),
    );
  }

  /** A key can require the PIN again for each signature. */
  #confirm({ handle }: TokenKey): void {
    const always = this.#session.attribute(handle, CKA.ALWAYS_AUTHENTICATE)?.[0] ?? 0;
    if (always !== 0) this.#session.login(CKU.CONTEXT_SPECIFIC, Buffer.from(this.#wanted.secret ?? '', 'utf8'));
  }

  #noKey(): KeyFailure {
    const count = this.#session.find([[CKA.CLASS, CKO.PRIVATE_KEY]]).length;
    return this.#failure('PKCS11_KEY_NOT_FOUND', `none of the ${count} private keys on ${this.#name} is the one`);
  }
}

/** `DigestInfo` of RFC 8017 9.2 for SHA-256, up to the digest. */
const DIGEST_INFO = Buffer.from('3031300d060960864801650304020105000420', 'hex');

/** Some tokens support only mechanisms that include the hash. */
function orElse(first: () => Buffer, second: () => Buffer): Buffer {
  try {
    return first();
  } catch (error) {
    if (error instanceof CryptokiError && error.rv === CKR.MECHANISM_INVALID) return second();
    throw error;
  }
}

function named({ object, id }: { readonly object?: string | undefined; readonly id?: Buffer | undefined }): Template {
  return [
    ...(object === undefined ? [] : [[CKA.LABEL, Buffer.from(object, 'utf8')] as const]),
    ...(id === undefined ? [] : [[CKA.ID, id] as const]),
  ];
}

/** @throws PKCS11_TOKEN_NOT_FOUND, PKCS11_SEVERAL_TOKENS */
function oneToken(tokens: readonly SlotWithToken[], { uri, text }: Wanted): SlotWithToken {
  const matching = tokens.filter((token) => isWanted(token, uri));
  const [token, another] = matching;
  if (!token) {
    const there = tokens.map(({ label }) => JSON.stringify(label)).join(', ') || 'none';
    throw new KeyFailure('PKCS11_TOKEN_NOT_FOUND', `${text}: no token matches; there are: ${there}`, { retry: 'soon' });
  }
  if (!another) return token;
  const there = matching.map(({ slot, serial }) => `slot-id=${slot} serial=${serial}`).join(', ');
  throw new KeyFailure('PKCS11_SEVERAL_TOKENS', `${text}: several tokens match: ${there}`, { retry: 'slow' });
}

function isWanted(token: SlotWithToken, uri: Pkcs11Uri): boolean {
  const pairs: readonly (readonly [unknown, unknown])[] = [
    [uri.token, token.label],
    [uri.manufacturer, token.manufacturer],
    [uri.serial, token.serial],
    [uri.model, token.model],
    [uri.slotDescription, token.slotDescription],
    [uri.slotManufacturer, token.slotManufacturer],
    [uri.slotId, BigInt(token.slot)],
  ];
  return pairs.every(([wanted, found]) => wanted === undefined || wanted === found);
}

function only<Value>(values: readonly Value[]): Value | undefined {
  return values.length === 1 ? values[0] : undefined;
}

/** The certificates that continue the chains of some others. */
function issuersOf(from: readonly Buffer[], all: readonly Buffer[]): Buffer[] {
  const reached = new Set(from.map(text));
  const candidates = all.flatMap((der) => {
    const certificate = readable(der);
    return certificate && !reached.has(text(der)) ? [{ der, certificate }] : [];
  });
  const found: Buffer[] = [];
  for (let level = from.flatMap((der) => readable(der) ?? []); level.length > 0;) {
    const issuers = candidates.filter(
      ({ der, certificate }) => !reached.has(text(der)) && level.some((below) => below.checkIssued(certificate)),
    );
    issuers.forEach(({ der }) => reached.add(text(der)));
    found.push(...issuers.map(({ der }) => der));
    level = issuers.map(({ certificate }) => certificate);
  }
  return found;
}

function text(der: Buffer): string {
  return der.toString('base64');
}

function readable(der: Buffer): X509Certificate | undefined {
  try {
    return new X509Certificate(der);
  } catch {
    return undefined;
  }
}

function publicKeyOfCertificate(der: Buffer): Buffer | undefined {
  try {
    return readable(der)?.publicKey.export({ format: 'der', type: 'spki' });
  } catch {
    return undefined;
  }
}
