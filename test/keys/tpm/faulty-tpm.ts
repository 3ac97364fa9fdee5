import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** What is done in place of, or with, the answer to one command. */
export type Fault = (socket: Socket, answer: Buffer) => void;

/** @param code - of TPM_RC. */
export function refuses(code: number): Fault {
  const answer = Buffer.from('80010000000a00000000', 'hex');
  answer.writeUInt32BE(code, 6);
  return (socket) => socket.write(answer);
}

/** A TPM at a Unix socket that repeats what was recorded, but for its faults. */
export class FaultyTpm {
  readonly #server: Server;
  readonly directory: string;
  /** Commands it got, each as it came. */
  readonly commands: Buffer[] = [];

  /**
   * @param exchanges - command and answer in turn, hex.
   * @param faults - by the number of the command, from 0, also counting those that are sent again.
   */
  static async start(exchanges: readonly string[], faults: Readonly<Record<number, Fault>>): Promise<FaultyTpm> {
    const directory = await mkdtemp(path.join(tmpdir(), 'imds-anywhere-tpm-'));
    const tpm = new FaultyTpm(directory, exchanges, faults);
    await new Promise<void>((resolve) => tpm.#server.listen(tpm.device, resolve));
    return tpm;
  }

  private constructor(directory: string, exchanges: readonly string[], faults: Readonly<Record<number, Fault>>) {
    this.directory = directory;
    this.#server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.on('data', (command) => {
        const fault = faults[this.commands.length];
        this.commands.push(command);
        // swtpm itself asks to repeat some: the last answer is the result.
        const index = exchanges.lastIndexOf(command.toString('hex'));
        const answer = Buffer.from(exchanges[index + 1] ?? '', 'hex');
        if (fault) fault(socket, answer);
        else socket.write(answer);
      });
    });
  }

  get device(): string {
    return path.join(this.directory, 'tpm');
  }

  readonly stop = async (): Promise<void> => {
    this.#server.close();
    await rm(this.directory, { recursive: true, force: true });
  };
}
