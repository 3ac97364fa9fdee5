import { type KeyObject, sign as signWith, verify } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { keyProcesses } from '../../src/keys/ask-key-process.ts';
import { outsideKeys } from '../../src/keys/outside-keys.ts';
import type { SigningAlgorithm } from '../../src/keys/signing-key.ts';
import { type KeyKind, type KeyPair, makeKeys } from '../support/pki.ts';
import { describeWith, hasTool } from '../support/tools.ts';
import { type RunningAgent, startAgent } from './running-agent.ts';

const message = Buffer.from('AWS4-X509\n20261130T120000Z\nwhat is to be signed');
const never = new AbortController().signal;
const keys = outsideKeys(keyProcesses({ environment: {}, log: () => undefined }));

function signedBy(socket: string, { publicKey }: Pick<KeyPair, 'publicKey'>, signal = never): Promise<Buffer> {
  const algorithm: SigningAlgorithm =
    publicKey.asymmetricKeyType === 'rsa' ? 'AWS4-X509-RSA-SHA256' : 'AWS4-X509-ECDSA-SHA256';
  const key = { kind: 'ssh-agent', socket, secret: undefined, publicKey } as const;
  return keys.sign({ algorithm, key }, message, signal);
}

const hasAgent = hasTool('sh', '-c', 'command -v ssh-agent && command -v ssh-add');

describeWith('ssh-agent', hasAgent, "OpenSSH's agent", () => {
  let agent: RunningAgent;
  beforeAll(async () => {
    agent = await startAgent();
    return agent.close;
  });
  afterEach(() => {
    agent.removeAll();
  });

  it.each<KeyKind>(['RSA-2048', 'RSA-3072', 'RSA-4096', 'P-256'])('signs with %s', async (kind) => {
    const pair = makeKeys(kind);
    agent.add(pair.privateKey);
    for (let round = 0; round < 5; round += 1)
      expect(verify('sha256', message, pair.publicKey, await signedBy(agent.socket, pair))).toBe(true);
  });

  it('signs with the key of the certificate, out of several', async () => {
    const all = [makeKeys('P-256'), makeKeys('RSA-2048'), makeKeys('P-256')];
    for (const { privateKey } of all) agent.add(privateKey);
    const signatures = await Promise.all(all.map((one) => signedBy(agent.socket, one)));
    expect(signatures.map((one, index) => verify('sha256', message, all[index]?.publicKey ?? '', one))).toEqual([
      true,
      true,
      true,
    ]);
  });

  it('reports how many keys there are when the right one is missing', async () => {
    agent.add(makeKeys('P-256').privateKey);
    await expect(signedBy(agent.socket, makeKeys('P-256'))).rejects.toMatchObject({
      code: 'SSH_AGENT_KEY_MISSING',
      retry: 'soon',
      message: expect.stringContaining('holds 1 key(s)') as string,
    });
  });

  it('lists which of its keys can sign here', async () => {
    const usable = [makeKeys('P-256'), makeKeys('RSA-2048')];
    for (const { privateKey } of [...usable, makeKeys('P-384')]) agent.add(privateKey);
    const found = await keys.publicKeys({ kind: 'ssh-agent', socket: agent.socket }, undefined, never);
    expect(found).toEqual(usable.map(({ publicKey }) => publicKey.export({ format: 'der', type: 'spki' })));
  });

  it('reports that it has no keys', async () => {
    await expect(keys.publicKeys({ kind: 'ssh-agent', socket: agent.socket }, undefined, never)).rejects.toMatchObject({
      code: 'SSH_AGENT_KEY_MISSING',
      retry: 'soon',
    });
  });

  it('is found by SSH_AUTH_SOCK', async () => {
    const pair = makeKeys('P-256');
    agent.add(pair.privateKey);
    const environment = { SSH_AUTH_SOCK: agent.socket };
    const { sign } = outsideKeys(keyProcesses({ environment, log: () => undefined }));
    const key = { kind: 'ssh-agent', secret: undefined, publicKey: pair.publicKey } as const;
    const signature = await sign({ algorithm: 'AWS4-X509-ECDSA-SHA256', key }, message, never);
    expect(verify('sha256', message, pair.publicKey, signature)).toBe(true);
  });

  it('reports a key that the agent refuses to use', async () => {
    const pair = makeKeys('P-256');
    // To be confirmed, and there is no program to ask with.
    agent.add(pair.privateKey, '-c');
    await expect(signedBy(agent.socket, pair)).rejects.toMatchObject({ code: 'SSH_AGENT_REFUSED', retry: 'slow' });
  });
});

describe('a missing or unusable agent', () => {
  let directory: string;
  const servers: { readonly server: Server; readonly connections: Set<Socket> }[] = [];
  beforeAll(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'imds-anywhere-agent-'));
  });
  afterEach(() => {
    for (const { server, connections } of servers.splice(0)) {
      for (const connection of connections) connection.destroy();
      server.close();
    }
  });
  afterAll(() => rm(directory, { recursive: true, force: true }));

  /** An agent that gives the same answers to everything. */
  async function agentSaying(...answers: Buffer[]): Promise<string> {
    const socket = path.join(directory, `${servers.length}-${Math.random().toString(36).slice(2)}`);
    const connections = new Set<Socket>();
    const server = createServer((connection) => {
      connections.add(connection);
      connection.on('error', () => undefined);
      connection.once('data', () => {
        for (const answer of answers) connection.write(answer);
      });
    });
    servers.push({ server, connections });
    await new Promise<void>((resolve) => server.listen(socket, resolve));
    return socket;
  }

  const pair = makeKeys('P-256');

  it.each<[KeyKind, string]>([
    ['P-384', 'P-384'],
    ['P-521', 'P-521'],
  ])('rejects %s by name, without asking the agent', async (kind, name) => {
    await expect(signedBy('/nowhere/agent.sock', makeKeys(kind))).rejects.toMatchObject({
      code: 'SSH_AGENT_KEY_UNSUPPORTED',
      message: expect.stringContaining(name) as string,
    });
  });

  it('reports a missing socket', async () => {
    const absent = path.join(directory, 'absent.sock');
    await expect(signedBy(absent, pair)).rejects.toMatchObject({ code: 'SSH_AGENT_UNREACHABLE', retry: 'soon' });
  });

  it('reports that nothing names the agent', async () => {
    await expect(keys.publicKeys({ kind: 'ssh-agent' }, undefined, never)).rejects.toMatchObject({
      code: 'SSH_AGENT_UNREACHABLE',
      message: expect.stringContaining('SSH_AUTH_SOCK') as string,
    });
  });

  it('reports an agent that does not answer', async () => {
    const socket = await agentSaying();
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => {
      vi.useRealTimers();
    });
    const signature = signedBy(socket, pair);
    signature.catch(() => undefined);
    await vi.waitFor(() => {
      expect(vi.getTimerCount()).toBe(1);
    });
    vi.advanceTimersByTime(10_000);
    await expect(signature).rejects.toMatchObject({ code: 'SIGNER_TIMEOUT', retry: 'soon' });
  });

  it('reports an agent that cannot sign with SHA-256', async () => {
    const signature = strings('ssh-rsa', Buffer.alloc(256, 7));
    const socket = await agentSaying(framed(Buffer.of(14), string(signature)));
    await expect(signedBy(socket, makeKeys('RSA-2048'))).rejects.toMatchObject({
      code: 'SSH_AGENT_ANSWER',
      message: expect.stringContaining('"ssh-rsa"') as string,
    });
  });

  it('accepts an RSA signature that lacks its zeros in front', async () => {
    const rsa = makeKeys('RSA-2048');
    const whole = signatureWithZeroInFront(rsa.privateKey);
    const socket = await agentSaying(
      framed(Buffer.of(14), string(strings('rsa-sha2-256', whole.signature.subarray(1)))),
    );
    const algorithm = 'AWS4-X509-RSA-SHA256';
    const key = { kind: 'ssh-agent', socket, secret: undefined, publicKey: rsa.publicKey } as const;
    expect(await keys.sign({ algorithm, key }, whole.message, never)).toEqual(whole.signature);
  });

  const unusable: [string, Buffer[]][] = [
    ['an empty message', [Buffer.alloc(4)]],
    ['an announcement of 4 GiB', [Buffer.from('ffffffff0e', 'hex')]],
    ['another answer', [framed(Buffer.of(6))]],
    ['a signature that is cut off', [framed(Buffer.of(14), string(strings('ecdsa-sha2-nistp256')))]],
    ['a length beyond the message', [framed(Buffer.of(14), Buffer.from('00ffffff00', 'hex'))]],
    ['a refusal, and a list that is cut off', [framed(Buffer.of(5)), framed(Buffer.of(5))]],
    ['a text', [Buffer.from('SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n')]],
  ];
  it.each(unusable)('reports %s', async (_, answers) => {
    const socket = await agentSaying(...answers);
    await expect(signedBy(socket, pair)).rejects.toMatchObject({ code: 'SSH_AGENT_ANSWER', retry: 'slow' });
  });

  it.each([
    ['another key', strings(Buffer.alloc(32, 7), Buffer.alloc(32, 7))],
    ['zeros', strings('', '')],
  ])('reports a signature of %s', async (_, numbers) => {
    const wrong = strings('ecdsa-sha2-nistp256', numbers);
    const socket = await agentSaying(framed(Buffer.of(14), string(wrong)));
    await expect(signedBy(socket, pair)).rejects.toMatchObject({ code: 'SIGNATURE_WRONG' });
  });

  it('reports a connection that ends', async () => {
    const socket = path.join(directory, 'ending.sock');
    const server = createServer((connection) => connection.end());
    servers.push({ server, connections: new Set() });
    await new Promise<void>((resolve) => server.listen(socket, resolve));
    await expect(signedBy(socket, pair)).rejects.toMatchObject({ code: /^SSH_AGENT_(?:ANSWER|UNREACHABLE)$/ });
  });

  it('ends when the caller gives up', async () => {
    const socket = await agentSaying();
    const caller = new AbortController();
    const signature = signedBy(socket, pair, caller.signal);
    const reason = new Error('enough');
    setImmediate(() => {
      caller.abort(reason);
    });
    await expect(signature).rejects.toBe(reason);
  });
});

/** One of 256 has one. */
function signatureWithZeroInFront(key: KeyObject): { readonly message: Buffer; readonly signature: Buffer } {
  for (let round = 0; ; round += 1) {
    const message = Buffer.from(`message ${round}`);
    const signature = signWith('sha256', message, key);
    if (signature[0] === 0) return { message, signature };
  }
}

function string(content: string | Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(content.length);
  return Buffer.concat([length, Buffer.from(content as string)]);
}

function strings(...contents: (string | Buffer)[]): Buffer {
  return Buffer.concat(contents.map(string));
}

function framed(...parts: Buffer[]): Buffer {
  return string(Buffer.concat(parts));
}
