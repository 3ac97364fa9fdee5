// The TPM commands for signing (TPM 2.0 Library, part 3), over any byte transport.
import { setTimeout as sleep } from 'node:timers/promises';
import { commandCodes, handles, type HashAlgorithm } from './constants.ts';
import { nameOf, type PublicArea, readPublicArea, storageRootKeys } from './public-area.ts';
import { responseCodes, TpmResponseError } from './response-code.ts';
import { type Authorization, emptyPassword, type Random, type SaltedSession, sessionStart } from './session.ts';
import { sized, u16, u32, WireReader } from './wire.ts';

/** Sends one command and returns its answer. */
export type Exchange = (command: Buffer) => Promise<Buffer>;

export interface Tpm {
  readonly exchange: Exchange;
  readonly random: Random;
}

/** The object of a command: a key in the TPM, or one of its hierarchies. */
export interface Entity {
  readonly handle: number;
  readonly name: Buffer;
}

export interface TpmKey extends Entity {
  readonly area: PublicArea;
}

interface Command {
  readonly name: keyof typeof commandCodes;
  readonly entities?: readonly Entity[];
  /** Authorization of the first entity. */
  readonly authorization?: Authorization;
  readonly parameters?: readonly Buffer[];
  readonly givesHandle?: boolean;
}

interface Answer {
  /** 0 for a command that returns none. */
  readonly handle: number;
  readonly parameters: WireReader;
}

/** @throws TpmResponseError; RangeError for a malformed answer; errors of the exchange. */
export async function run(tpm: Tpm, command: Command): Promise<Answer> {
  const { name, entities = [], authorization, givesHandle = false } = command;
  const code = u32(commandCodes[name]);
  const plain = Buffer.concat(command.parameters ?? []);
  const parameters = authorization ? authorization.prepared(plain) : plain;
  const area = authorization?.entry([code, ...entities.map((entity) => entity.name), parameters]);
  const body = Buffer.concat([
    code,
    ...entities.map(({ handle }) => u32(handle)),
    ...(area ? [u32(area.length), area] : []),
    parameters,
  ]);
  const answer = await answered(tpm.exchange, name, Buffer.concat([tagOf(area), u32(6 + body.length), body]));
  const handle = givesHandle ? answer.u32() : 0;
  if (!authorization) return { handle, parameters: answer };
  const received = answer.bytes(answer.u32());
  const entry = { nonce: answer.sized(), attributes: answer.u8(), hmac: answer.sized() };
  return { handle, parameters: new WireReader(authorization.acknowledged(received, code, entry)) };
}

function tagOf(authorizationArea: Buffer | undefined): Buffer {
  return u16(authorizationArea ? 0x8002 : 0x8001);
}

const AGAIN: ReadonlySet<number> = new Set([
  responseCodes.RETRY,
  responseCodes.YIELDED,
  responseCodes.TESTING,
  responseCodes.NV_RATE,
]);
const MOST_TRIES = 5;
const FIRST_PAUSE_MS = 20;

/** A busy TPM has not started the command: send the same bytes again. */
async function answered(exchange: Exchange, name: string, command: Buffer): Promise<WireReader> {
  for (let attempt = 1; ; attempt += 1) {
    const answer = new WireReader(await exchange(command));
    answer.u16();
    const size = answer.u32();
    const code = answer.u32();
    if (size !== answer.rest.length + 10) throw new RangeError(`the answer has another size than the ${size} it says`);
    if (code === responseCodes.SUCCESS) return answer;
    if (attempt === MOST_TRIES || !AGAIN.has(code)) throw new TpmResponseError(name, code);
    await sleep(FIRST_PAUSE_MS * 2 ** attempt);
  }
}

const permanent = (handle: number): Entity => ({ handle, name: u32(handle) });

/**
 * Creates the storage root key of a hierarchy, which is the same each time.
 *
 * @param authorization - of the hierarchy.
 */
export async function createRootKey(
  tpm: Tpm,
  hierarchy: number,
  type: 'ecc' | 'rsa',
  authorization: Authorization = emptyPassword,
): Promise<TpmKey> {
  const { handle, parameters } = await run(tpm, {
    name: 'CreatePrimary',
    entities: [permanent(hierarchy)],
    authorization,
    parameters: [noSensitiveData, sized(storageRootKeys[type]), outsideInformation],
    givesHandle: true,
  });
  return keyOf(handle, parameters.sized());
}

/** TPM2B_SENSITIVE_CREATE: no password, no data. */
const noSensitiveData = sized(sized(), sized());
/** None, and no PCRs. */
const outsideInformation = Buffer.concat([sized(), u32(0)]);

function keyOf(handle: number, publicArea: Buffer): TpmKey {
  const area = readPublicArea(publicArea);
  return { handle, area, name: nameOf(publicArea) };
}

/** The public half of the object at a handle. */
export async function readPublic(tpm: Tpm, handle: number): Promise<TpmKey> {
  const { parameters } = await run(tpm, { name: 'ReadPublic', entities: [permanent(handle)] });
  return keyOf(handle, parameters.sized());
}

/** An object in the form of a key file, encrypted for its parent. Both parts start with their size. */
export interface EncryptedObject {
  readonly privateArea: Buffer;
  readonly publicArea: Buffer;
}

/** @param authorization - of the parent. */
export async function load(
  tpm: Tpm,
  parent: Entity,
  { privateArea, publicArea }: EncryptedObject,
  authorization: Authorization = emptyPassword,
): Promise<Entity> {
  const { handle } = await run(tpm, {
    name: 'Load',
    entities: [parent],
    authorization,
    parameters: [privateArea, publicArea],
    givesHandle: true,
  });
  return { handle, name: nameOf(new WireReader(publicArea).sized()) };
}

/** The content of a new object. */
export interface SensitiveContent {
  readonly password: Buffer;
  /** Empty for a key: the TPM generates it. */
  readonly data: Buffer;
}

/** Creates an object. @param authorization - of the parent; it should encrypt the command. */
export async function create(
  tpm: Tpm,
  parent: Entity,
  template: Buffer,
  { password, data }: SensitiveContent,
  authorization: Authorization,
): Promise<EncryptedObject> {
  const { parameters } = await run(tpm, {
    name: 'Create',
    entities: [parent],
    authorization,
    parameters: [sized(sized(password), sized(data)), sized(template), outsideInformation],
  });
  return { privateArea: sized(parameters.sized()), publicArea: sized(parameters.sized()) };
}

/** @param authorization - of the object; it should encrypt the answer. */
export async function unseal(tpm: Tpm, object: Entity, authorization: Authorization): Promise<Buffer> {
  const { parameters } = await run(tpm, { name: 'Unseal', entities: [object], authorization });
  return parameters.sized();
}

export async function startSession(
  tpm: Tpm,
  type: 'hmac' | 'policy',
  hash: HashAlgorithm,
  saltKey: TpmKey,
): Promise<SaltedSession> {
  const start = sessionStart(type, hash, saltKey.area, tpm.random);
  const { handle, parameters } = await run(tpm, {
    name: 'StartAuthSession',
    entities: [saltKey, permanent(handles.none)],
    parameters: [start.parameters],
    givesHandle: true,
  });
  return start.started(handle, parameters.sized());
}

/** Leftovers take one of the few places in the TPM, but a failed removal is no reason to fail. */
export async function flush(tpm: Tpm, handle: number): Promise<void> {
  await run(tpm, { name: 'FlushContext', parameters: [u32(handle)] }).catch(() => undefined);
}
