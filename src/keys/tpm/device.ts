// The connection to a TPM: a device of the kernel, or a Unix socket (swtpm, a proxy).
import { once } from 'node:events';
import { open, stat } from 'node:fs/promises';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf, systemCodeOf } from '../../foundation/errors.ts';
import { KeyFailure } from '../key-errors.ts';
import type { Exchange } from './tpm.ts';

export interface TpmConnection {
  readonly exchange: Exchange;
  readonly close: () => void;
}

/** The kernel's resource manager: each program there has its own view of the TPM. */
export const DEFAULT_DEVICE = '/dev/tpmrm0';

/**
 * Shorter than the deadline of a key process, so that the message names the TPM. A slow one takes
 * some seconds for an RSA key.
 */
const DEADLINE_MS = 8_000;

/** The longest possible answer (TPM2_MAX_RESPONSE_SIZE). */
const MOST_BYTES = 4_096;

/** @throws KeyFailure TPM_UNREACHABLE, TPM_BUSY */
export async function openDevice(device: string, deadlineMs = DEADLINE_MS): Promise<TpmConnection> {
  try {
    const { exchange, close } = await opened(device);
    return { exchange: guarded(exchange, device, deadlineMs), close };
  } catch (error) {
    throw asKeyFailure(device, error);
  }
}

async function opened(device: string): Promise<TpmConnection> {
  const found = await stat(device);
  if (found.isSocket()) return openSocket(device);
  if (found.isCharacterDevice()) return openCharacterDevice(device);
  throw new Error('it is neither a device nor a socket');
}

const REASONS: Readonly<Record<string, string>> = {
  EBUSY: 'another program uses it',
  ENOENT: 'there is no such device',
  EACCES: 'this user may not use it',
  EPERM: 'this process may not use it',
  ECONNREFUSED: 'nothing listens at this socket',
};

function asKeyFailure(device: string, error: unknown): KeyFailure {
  if (error instanceof KeyFailure) return error;
  if (error instanceof RangeError)
    return new KeyFailure('TPM_ANSWER_MALFORMED', `${device}: ${error.message}`, { retry: 'soon' });
  const code = systemCodeOf(error) ?? '';
  const isTaken = code === 'EBUSY';
  const what = `${device}: ${REASONS[code] ?? messageOf(error)}`;
  return new KeyFailure(isTaken ? 'TPM_BUSY' : 'TPM_UNREACHABLE', what, { retry: 'soon', cause: error });
}

/**
 * Applies a deadline to each answer. After a missing answer, the next exchange could receive it
 * late, so all further ones fail too.
 */
function guarded(exchange: Exchange, device: string, deadlineMs: number): Exchange {
  let failure: KeyFailure | undefined;
  return async (command) => {
    if (failure) throw failure;
    const cut = new AbortController();
    const late = sleep(deadlineMs, undefined, { signal: cut.signal, ref: true }).then(() => {
      const what = `${device}: no answer within ${deadlineMs / 1000} s`;
      throw new KeyFailure('TPM_SILENT', what, { retry: 'soon' });
    });
    try {
      return await Promise.race([exchange(command), late]);
    } catch (error) {
      throw (failure = asKeyFailure(device, error));
    } finally {
      late.catch(() => undefined);
      cut.abort();
    }
  };
}

async function openCharacterDevice(device: string): Promise<TpmConnection> {
  const file = await open(device, 'r+');
  return {
    async exchange(command) {
      await file.write(command);
      return wholeAnswer(async () => {
        const { bytesRead, buffer } = await file.read(Buffer.alloc(MOST_BYTES), 0, MOST_BYTES, null);
        return buffer.subarray(0, bytesRead);
      });
    },
    close: () => void file.close().catch(() => undefined),
  };
}

async function openSocket(path: string): Promise<TpmConnection> {
  const socket = connect(path);
  await once(socket, 'connect');
  const chunks = socket.iterator({ destroyOnReturn: false });
  return {
    exchange(command) {
      socket.write(command);
      return wholeAnswer(async () => {
        const next = await chunks.next();
        return next.done === true ? Buffer.alloc(0) : (next.value as Buffer);
      });
    },
    close: () => socket.destroy(),
  };
}

const HEADER_BYTES = 10;

/** @param read - returns no bytes at the end. */
async function wholeAnswer(read: () => Promise<Buffer>): Promise<Buffer> {
  let answer = Buffer.alloc(0);
  for (;;) {
    const more = await read();
    answer = Buffer.concat([answer, more]);
    if (more.length === 0) throw new Error('it ended the exchange without a whole answer');
    const size = answer.length < HEADER_BYTES ? MOST_BYTES : answer.readUInt32BE(2);
    if (size > MOST_BYTES || answer.length > MOST_BYTES) throw new RangeError('its answer is longer than a TPM gives');
    if (answer.length >= size) return answer;
  }
}
