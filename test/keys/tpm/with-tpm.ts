import { randomBytes } from 'node:crypto';
import { openDevice } from '../../../src/keys/tpm/device.ts';
import type { Random } from '../../../src/keys/tpm/session.ts';
import type { Tpm } from '../../../src/keys/tpm/tpm.ts';

export interface Exchanged {
  readonly command: Buffer;
  readonly answer: Buffer;
}

/** Works with the TPM at a socket. @param exchanges - gets every byte that goes to it and comes from it. */
export async function withTpm<Value>(
  device: string,
  work: (tpm: Tpm) => Promise<Value>,
  exchanges: Exchanged[] = [],
  random: Random = randomBytes,
): Promise<Value> {
  const connection = await openDevice(device);
  const exchange = async (command: Buffer): Promise<Buffer> => {
    const answer = await connection.exchange(command);
    exchanges.push({ command, answer });
    return answer;
  };
  try {
    return await work({ exchange, random });
  } finally {
    connection.close();
  }
}
