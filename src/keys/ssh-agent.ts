/**
 * Signs with an SSH agent: OpenSSH's, gpg-agent, or one for a token. One connection per signature.
 *
 * The protocol: https://datatracker.ietf.org/doc/draft-ietf-sshm-ssh-agent/ with the signatures of
 * RFC 8332 (RSA with SHA-256) and RFC 5656 (ECDSA). It hashes P-384 with SHA-384 and P-521 with
 * SHA-512, but Roles Anywhere accepts only SHA-256. Such keys are rejected before the agent is
 * asked.
 */
import { createPublicKey, type JsonWebKey } from 'node:crypto';
import { createConnection } from 'node:net';
import { ecdsaSignature } from '../foundation/der.ts';
import { messageOf } from '../foundation/errors.ts';
import type { Environment } from '../foundation/process-environment.ts';
import { KeyFailure } from './key-errors.ts';
import type { KeyRequest, SignRequest } from './key-request.ts';
import type { SshAgentSource } from './key-source.ts';

const FAILURE = 5;
const REQUEST_IDENTITIES = 11;
const IDENTITIES_ANSWER = 12;
const SIGN_REQUEST = 13;
const SIGN_RESPONSE = 14;
/** SSH_AGENT_RSA_SHA2_256; without it, an agent signs with SHA-1. */
const RSA_SHA256 = 2;

/** Long enough for a touch. OpenSSH's own answers take two milliseconds. */
const DEADLINE_MS = 10_000;
/** OpenSSH's own limit of a message. */
const MOST_BYTES = 256 * 1024;

/** @throws KeyFailure, or the signal's reason. */
export async function askAgent(
  { socket }: SshAgentSource,
  request: KeyRequest,
  environment: Environment,
  signal: AbortSignal,
): Promise<Buffer | readonly Buffer[]> {
  const place = socket ?? environment['SSH_AUTH_SOCK'];
  if (!place)
    throw new KeyFailure('SSH_AGENT_UNREACHABLE', 'no SSH agent: SSH_AUTH_SOCK is not set', { retry: 'slow' });
  return request.operation === 'sign' ? signature(place, request, signal) : publicKeys(place, signal);
}

async function signature(socket: string, { message, publicKey }: SignRequest, signal: AbortSignal): Promise<Buffer> {
  const named = agentName(publicKey);
  const request = [Buffer.of(SIGN_REQUEST), sshString(named.blob), sshString(message), uint32(named.flags)];
  const answer = await ask(socket, Buffer.concat(request), signal);
  if (answer[0] === FAILURE) throw await refusal(socket, named.blob, signal);
  if (answer[0] !== SIGN_RESPONSE) throw unreadable(socket);
  return reading(socket, () => {
    const [whole = Buffer.alloc(0)] = sshStrings(answer.subarray(1), 1);
    const [algorithm, bytes = Buffer.alloc(0)] = sshStrings(whole, 2);
    if (algorithm?.toString() !== named.algorithm)
      throw new RangeError(`it signed with ${printed(algorithm)}, not with ${named.algorithm}`);
    return named.signature(bytes);
  });
}

/** SubjectPublicKeyInfo of all keys that can sign here. */
async function publicKeys(socket: string, signal: AbortSignal): Promise<Buffer[]> {
  const held = await heldKeys(socket, signal);
  const usable = held.flatMap((blob) => publicKeyInfo(blob) ?? []);
  if (usable.length > 0) return usable;
  const what = `the SSH agent at ${socket} holds ${held.length} key(s), and none on RSA or P-256`;
  throw new KeyFailure('SSH_AGENT_KEY_MISSING', what, { retry: 'soon' });
}

/** An agent's names of a key and its signatures. */
interface AgentName {
  readonly blob: Buffer;
  readonly flags: number;
  readonly algorithm: string;
  /** Converts from the agent's form to that of X.509. */
  readonly signature: (bytes: Buffer) => Buffer;
}

/** @throws SSH_AGENT_KEY_UNSUPPORTED */
function agentName(spki: Uint8Array): AgentName {
  const publicKey = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' });
  const { kty, crv, n, e, x, y } = publicKey.export({ format: 'jwk' });
  const bytes = (part: string | undefined): Buffer => Buffer.from(part ?? '', 'base64url');
  if (kty === 'RSA') {
    const modulus = bytes(n);
    return {
      blob: sshStringsOf('ssh-rsa', mpint(bytes(e)), mpint(modulus)),
      flags: RSA_SHA256,
      algorithm: 'rsa-sha2-256',
      // RFC 8332 section 3 requires the length of the modulus. Some agents omit leading zeros.
      signature: (short) => Buffer.concat([Buffer.alloc(Math.max(0, modulus.length - short.length)), short]),
    };
  }
  if (crv === 'P-256') {
    const algorithm = 'ecdsa-sha2-nistp256';
    const point = Buffer.concat([Buffer.of(4), bytes(x), bytes(y)]);
    return { blob: sshStringsOf(algorithm, 'nistp256', point), flags: 0, algorithm, signature: derOfPair };
  }
  throw new KeyFailure(
    'SSH_AGENT_KEY_UNSUPPORTED',
    `an SSH agent cannot sign for the key of this certificate (${crv ?? kty ?? 'of an unknown kind'}): it has other hashes than SHA-256 for it`,
    { retry: 'slow' },
  );
}

/** SubjectPublicKeyInfo of a key in the agent's form; undefined for a kind that cannot sign here. */
export function publicKeyInfo(blob: Buffer): Buffer | undefined {
  try {
    return createPublicKey({ key: jsonWebKey(blob), format: 'jwk' }).export({ format: 'der', type: 'spki' });
  } catch {
    return undefined;
  }
}

function jsonWebKey(blob: Buffer): JsonWebKey {
  const [type, first, second] = sshStrings(blob, 3);
  const text = (bytes: Buffer | undefined): string => bytes?.toString('base64url') ?? '';
  if (type?.toString() === 'ssh-rsa') return { kty: 'RSA', e: text(first), n: text(second) };
  // An uncompressed point: 4, x and y.
  return { kty: 'EC', crv: 'P-256', x: text(second?.subarray(1, 33)), y: text(second?.subarray(33)) };
}

/** `string(mpint r, mpint s)` as `SEQUENCE { INTEGER r, INTEGER s }`. */
function derOfPair(bytes: Buffer): Buffer {
  const [r = Buffer.alloc(0), s = Buffer.alloc(0)] = sshStrings(bytes, 2);
  return ecdsaSignature(r, s);
}

/** Why an agent did not sign. It reports only that it did not. */
async function refusal(socket: string, blob: Buffer, signal: AbortSignal): Promise<KeyFailure> {
  const held = await heldKeys(socket, signal);
  if (held.some((one) => one.equals(blob))) {
    const what = `the SSH agent at ${socket} has the key and refuses to sign with it`;
    return new KeyFailure('SSH_AGENT_REFUSED', what, { retry: 'slow' });
  }
  const what = `the SSH agent at ${socket} holds ${held.length} key(s), and not the one of this certificate`;
  return new KeyFailure('SSH_AGENT_KEY_MISSING', what, { retry: 'soon' });
}

/** In the agent's form. A locked agent has none. */
async function heldKeys(socket: string, signal: AbortSignal): Promise<Buffer[]> {
  const answer = await ask(socket, Buffer.of(REQUEST_IDENTITIES), signal);
  if (answer[0] !== IDENTITIES_ANSWER) throw unreadable(socket);
  return reading(socket, () => {
    // A count, then a key and a comment each.
    const count = answer.readUInt32BE(1);
    if (count > MOST_BYTES / 8) throw new RangeError('it has too many keys');
    return sshStrings(answer.subarray(5), 2 * count).filter((_, index) => index % 2 === 0);
  });
}

/** Sends one message and returns the body of the answer. */
async function ask(socket: string, message: Buffer, signal: AbortSignal): Promise<Buffer> {
  const connection = createConnection({ path: socket });
  // Without the option `signal`: its listener would stay at a signal that lives as long as the
  // daemon.
  const cancel = (): void => {
    connection.destroy(new Error('the signature was cancelled'));
  };
  signal.addEventListener('abort', cancel, { once: true });
  const timer = setTimeout(() => {
    const what = `the SSH agent at ${socket} did not answer within ${DEADLINE_MS / 1_000} seconds`;
    connection.destroy(new KeyFailure('SIGNER_TIMEOUT', what, { retry: 'soon' }));
  }, DEADLINE_MS);
  try {
    connection.write(sshString(message));
    return await firstMessage(connection);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof KeyFailure) throw error;
    if (error instanceof RangeError) throw unreadable(socket, error);
    const what = `the SSH agent at ${socket} cannot be reached: ${messageOf(error)}`;
    throw new KeyFailure('SSH_AGENT_UNREACHABLE', what, { retry: 'soon', cause: error });
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', cancel);
    connection.destroy();
  }
}

async function firstMessage(chunks: AsyncIterable<Buffer>): Promise<Buffer> {
  let received: Buffer = Buffer.alloc(0);
  for await (const chunk of chunks) {
    received = Buffer.concat([received, chunk]);
    if (received.length < 4) continue;
    const length = received.readUInt32BE(0);
    if (length === 0 || length > MOST_BYTES) throw new RangeError(`it announces ${length} bytes`);
    if (received.length >= 4 + length) return received.subarray(4, 4 + length);
  }
  throw new RangeError('it closed the connection without an answer');
}

function reading<Value>(socket: string, read: () => Value): Value {
  try {
    return read();
  } catch (error) {
    throw unreadable(socket, error);
  }
}

function unreadable(socket: string, cause?: unknown): KeyFailure {
  const why = cause === undefined ? 'it is no answer to what was asked' : messageOf(cause);
  const what = `the answer of the SSH agent at ${socket} cannot be used: ${why}`;
  return new KeyFailure('SSH_AGENT_ANSWER', what, { retry: 'slow', cause });
}

function uint32(number: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(number);
  return bytes;
}

function sshString(content: Uint8Array): Buffer {
  return Buffer.concat([uint32(content.length), content]);
}

function sshStringsOf(...contents: (string | Buffer)[]): Buffer {
  return Buffer.concat(contents.map((content) => sshString(Buffer.from(content as string))));
}

/** @throws RangeError if there are fewer. */
function sshStrings(bytes: Buffer, count: number): Buffer[] {
  let rest = bytes;
  return Array.from({ length: count }, () => {
    const length = rest.readUInt32BE(0);
    if (length > rest.length - 4) throw new RangeError('it is cut off');
    const content = rest.subarray(4, 4 + length);
    rest = rest.subarray(4 + length);
    return content;
  });
}

/**
 * A positive number in two's complement, in the shortest form: RFC 4251 section 5, and the content
 * of a DER INTEGER.
 */
function mpint(unsigned: Buffer): Buffer {
  const first = unsigned.findIndex((byte) => byte !== 0);
  const digits = unsigned.subarray(first === -1 ? unsigned.length : first);
  return (digits[0] ?? 0) < 0x80 ? digits : Buffer.concat([Buffer.of(0), digits]);
}

/** An agent may send anything. */
function printed(text: Buffer | undefined): string {
  return JSON.stringify(text?.toString('latin1').slice(0, 40) ?? '');
}
