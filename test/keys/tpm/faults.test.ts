import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openDevice } from '../../../src/keys/tpm/device.ts';
import { signByTpm } from '../../../src/keys/tpm/tpm-key.ts';
import { type Fault, FaultyTpm, refuses } from './faulty-tpm.ts';
import { passwordsOf, recorded, seededRandom, SIGNED } from './recording.ts';

const TITLE = 'made by tpm2-openssl signs: P-256, 1';
const GUARDED = 'with a password signs with it, and no password is sent, 1';

interface Signing {
  readonly commands: readonly Buffer[];
  /** Whether it gave the signature that was recorded. */
  readonly done: Promise<boolean>;
}

/** The commands are CreatePrimary, Load, with a password StartAuthSession, Sign, and a FlushContext for each that loads. */
async function signing(title: string, faults: Readonly<Record<number, Fault>>, deadlineMs?: number): Promise<Signing> {
  const vector = recorded().find((one) => one.title === title);
  if (!vector || !('file' in vector.location)) throw new Error(`no vector: ${title}`);
  const tpm = await FaultyTpm.start(vector.exchanges, faults);
  onTestFinished(tpm.stop);
  const { exchange, close } = await openDevice(tpm.device, deadlineMs);
  onTestFinished(close);
  const location = { file: Buffer.from(vector.location.file, 'hex') };
  const random = seededRandom(title);
  const signed = signByTpm({ exchange, random }, location, passwordsOf(vector.given), Buffer.from(SIGNED));
  const { outcome } = vector;
  return {
    commands: tpm.commands,
    done: signed.then((signature) => 'signature' in outcome && signature.toString('hex') === outcome.signature),
  };
}

const RETRY = 0x922;
const YIELDED = 0x908;
const TESTING = 0x90a;

describe('a TPM', () => {
  it.each([
    ['asks to repeat', RETRY],
    ['yields', YIELDED],
    ['tests itself', TESTING],
  ])('that %s is sent the same command again', async (_, code) => {
    const { commands, done } = await signing(TITLE, { 0: refuses(code), 2: refuses(code), 3: refuses(code) });
    expect(await done).toBe(true);
    expect(commands[1]).toEqual(commands[0]);
    expect(commands[3]).toEqual(commands[2]);
    expect(commands[4]).toEqual(commands[2]);
    expect(commands).toHaveLength(8);
  });

  it('that keeps asking to repeat is busy', async () => {
    const always = Object.fromEntries(Array.from({ length: 50 }, (_, index) => [index, refuses(RETRY)]));
    await expect((await signing(TITLE, always)).done).rejects.toMatchObject({ code: 'TPM_BUSY', retry: 'soon' });
  });

  it('that repeats a command with an HMAC takes the same HMAC', async () => {
    const { done } = await signing(GUARDED, { 3: refuses(RETRY), 4: refuses(YIELDED) });
    expect(await done).toBe(true);
  });

  it.each([
    ['has no room for keys', 0x902, 'TPM_BUSY', 'soon'],
    ['has no room for sessions', 0x903, 'TPM_BUSY', 'soon'],
    ['is locked out', 0x921, 'TPM_LOCKED_OUT', 'slow'],
    ['was not started', 0x100, 'TPM_REFUSED', 'slow'],
    ['has failed its test', 0x101, 'TPM_REFUSED', 'slow'],
    ['gives an unknown number', 0x9ff, 'TPM_REFUSED', 'slow'],
    ['says that the key belongs to another', 0x1df, 'TPM_KEY_OF_ANOTHER_TPM', 'slow'],
  ])('that %s is reported so', async (_, number, code, retry) => {
    await expect((await signing(TITLE, { 1: refuses(number) })).done).rejects.toMatchObject({ code, retry });
  });

  it('that is silent is given up and gets no more commands', async () => {
    const { commands, done } = await signing(TITLE, { 1: () => undefined }, 300);
    await expect(done).rejects.toMatchObject({ code: 'TPM_SILENT', retry: 'soon' });
    expect(commands).toHaveLength(2);
  });

  it.each<[string, Fault, string]>([
    ['hangs up', (socket) => socket.destroy(), 'TPM_UNREACHABLE'],
    ['hangs up in the middle of an answer', (socket, answer) => socket.end(answer.subarray(0, 7)), 'TPM_UNREACHABLE'],
    [
      'announces more than it can',
      (socket) => socket.write(Buffer.from('8001ffffffff00000000', 'hex')),
      'TPM_ANSWER_MALFORMED',
    ],
    [
      'announces less than there is',
      (socket) => socket.write(Buffer.from('80010000000500000000', 'hex')),
      'TPM_ANSWER_MALFORMED',
    ],
    ['sends too much', (socket) => socket.write(Buffer.alloc(100_000)), 'TPM_ANSWER_MALFORMED'],
    [
      'answers with nothing in it',
      (socket) => socket.write(Buffer.from('80010000000a00000000', 'hex')),
      'TPM_ANSWER_MALFORMED',
    ],
    ['cuts off what is inside', (socket, answer) => socket.write(shortened(answer)), 'TPM_ANSWER_MALFORMED'],
  ])('that %s is reported', async (_, fault, code) => {
    await expect((await signing(TITLE, { 1: fault })).done).rejects.toMatchObject({ code });
    await expect((await signing(GUARDED, { 3: fault })).done).rejects.toMatchObject({ code });
  });

  it('whose answer arrives byte by byte is understood', async () => {
    const slowly: Fault = (socket, answer) => {
      const bytes = [...answer];
      const next = (): void => {
        const byte = bytes.shift();
        if (byte !== undefined) socket.write(Buffer.of(byte), () => setImmediate(next));
      };
      next();
    };
    expect(await (await signing(TITLE, { 1: slowly })).done).toBe(true);
  });

  it('whose answer does not match its HMAC is not trusted', async () => {
    const changed: Fault = (socket, answer) => {
      answer.writeUInt8(answer.readUInt8(30) ^ 1, 30);
      socket.write(answer);
    };
    await expect((await signing(GUARDED, { 3: changed })).done).rejects.toMatchObject({ code: 'TPM_ANSWER_MALFORMED' });
  });
});

/** The last bytes are missing, and the size says so. */
function shortened(answer: Buffer): Buffer {
  const short = Buffer.from(answer.subarray(0, -20));
  short.writeUInt32BE(short.length, 2);
  return short;
}

describe('a device', () => {
  it('that does not exist is unreachable', async () => {
    const failure = { code: 'TPM_UNREACHABLE', retry: 'soon', message: '/nonexistent/tpm: there is no such device' };
    await expect(openDevice('/nonexistent/tpm')).rejects.toMatchObject(failure);
  });

  it('whose socket has no server is unreachable', async () => {
    const tpm = await FaultyTpm.start([], {});
    const { device } = tpm;
    await tpm.stop();
    await expect(openDevice(device)).rejects.toMatchObject({ code: 'TPM_UNREACHABLE' });
  });

  it('that is an ordinary file is not changed', async () => {
    const directory = await mkdtemp(path.join(tmpdir(), 'imds-anywhere-tpm-'));
    onTestFinished(() => rm(directory, { recursive: true }));
    const file = path.join(directory, 'tpm');
    await writeFile(file, 'content');
    await expect(openDevice(file)).rejects.toMatchObject({ code: 'TPM_UNREACHABLE' });
    expect(await readFile(file, 'utf8')).toBe('content');
  });
});
