import { connect } from 'node:net';

/** Longer than any timeout of the endpoint. A connection that outlives it hangs. */
const HANGING_MS = 20_000;

/**
 * Sends exactly these bytes on a new connection, ends sending, and returns everything received
 * until the other side closed.
 */
export async function exchange(port: number, bytes: Buffer | string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answered = '';
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    const hanging = setTimeout(() => {
      socket.destroy();
      reject(new Error(`still open after ${HANGING_MS} ms`));
    }, HANGING_MS);
    socket.setEncoding('latin1').on('data', (text: string) => (answered += text));
    // A reset is an answer too: the endpoint closes connections that it does not want to read to
    // the end.
    socket.on('error', () => undefined);
    socket.on('close', () => {
      clearTimeout(hanging);
      resolve(answered);
    });
    socket.end(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  });
}
