import { once } from 'node:events';
import { chmod, chown, mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { constants } from 'node:http2';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { CodedError } from '../../src/foundation/errors.ts';
import type { Svids } from '../../src/spiffe/wire.ts';
import { firstSvids, type Patience, receiveSvids } from '../../src/spiffe/workload-api.ts';
import { codeOf } from '../identity/identity-directory.ts';
import { isRoot } from '../support/as-user.ts';
import { type Authority, makeAuthority } from '../support/pki.ts';
import { describeWith } from '../support/tools.ts';
import { FakeAgent, framed, inPieces, makeSvid, refusing, response, streaming } from './fake-agent.ts';

// The rows of a table that was made with SPIRE 1.13.3: what a client sees, and when.

let authority: Authority;
beforeAll(async () => {
  authority = await makeAuthority();
});

function never(): AbortSignal {
  return new AbortController().signal;
}

interface Following {
  readonly got: Svids[];
  readonly ended: Promise<CodedError | undefined>;
  readonly stop: () => void;
}

function follow({ socket }: Pick<FakeAgent, 'socket'>, patience?: Patience): Following {
  const stopping = new AbortController();
  const got: Svids[] = [];
  const received = (svids: Svids): void => void got.push(svids);
  const ended = receiveSvids({ socket, mayBeOpen: false }, received, stopping.signal, patience);
  const stop = (): void => {
    stopping.abort();
  };
  onTestFinished(stop);
  return { got, ended, stop };
}

/** Lets an agent send a message again and again. @returns how many bytes it has sent. */
function flooding(agent: FakeAgent, message: Buffer): () => number {
  let sent = 0;
  agent.answer = (call) => {
    call.respond({ ':status': 200, 'content-type': 'application/grpc' });
    const endless = Readable.from(
      (function* () {
        for (;;) {
          sent += message.length;
          yield message;
        }
      })(),
    );
    endless.on('error', () => undefined).pipe(call);
  };
  return () => sent;
}

const containing = (text: string): string => expect.stringContaining(text) as string;
const idsOf = (svids: Svids | undefined): string[] => (svids ?? []).map(({ id }) => id);

describe('a call of the Workload API', () => {
  test('has the security header, and stays open for more', async () => {
    const agent = await FakeAgent.start([await makeSvid(authority)]);
    const { got, ended, stop } = follow(agent);
    await expect.poll(() => got.map(idsOf)).toEqual([['spiffe://example.org/device']]);
    agent.push([await makeSvid(authority), await makeSvid(authority, { id: 'spiffe://example.org/other' })]);
    await expect.poll(() => idsOf(got[1])).toEqual(['spiffe://example.org/device', 'spiffe://example.org/other']);
    expect(agent.calls).toMatchObject([
      {
        ':method': 'POST',
        ':path': '/SpiffeWorkloadAPI/FetchX509SVID',
        'workload.spiffe.io': 'true',
        'content-type': 'application/grpc',
        te: 'trailers',
      },
    ]);
    stop();
    expect(await ended).toBeUndefined();
    await expect.poll(() => agent.openCalls).toBe(0);
  });

  test('takes an answer in pieces, and the last of several at once', async () => {
    const agent = await FakeAgent.start();
    const bytes = framed(response([await makeSvid(authority)]));
    const last = framed(response([await makeSvid(authority, { id: 'spiffe://example.org/last' })]));
    agent.answer = streaming(...inPieces(Buffer.concat([bytes, bytes, last])));
    const { got } = follow(agent);
    await expect.poll(() => idsOf(got.at(-1))).toEqual(['spiffe://example.org/last']);
  });

  test('rests while an agent sends without end', async () => {
    const agent = await FakeAgent.start();
    const bytes = framed(response([await makeSvid(authority)]));
    const sent = flooding(agent, bytes);
    const { got, stop, ended } = follow(agent);
    await expect.poll(() => got.length).toBeGreaterThan(2);
    // The rest waits in the agent: there is a window of 64 KiB.
    expect(sent() / bytes.length).toBeGreaterThan(got.length);
    const [startedAt, before] = [Date.now(), got.length];
    await expect.poll(() => got.length).toBeGreaterThan(before + 2);
    expect((got.length - before) / (Date.now() - startedAt)).toBeLessThan(1 / 50);
    stop();
    expect(await ended).toBeUndefined();
  });

  test('for a command ends after the first answer', async () => {
    const agent = await FakeAgent.start([await makeSvid(authority)]);
    const svids = await firstSvids({ socket: agent.socket, mayBeOpen: false }, never());
    expect(idsOf(svids)).toEqual(['spiffe://example.org/device']);
    await expect.poll(() => agent.openCalls).toBe(0);
  });

  test.each([
    ['no entry for this process', refusing(7, 'no identity issued'), 'SPIFFE_NO_IDENTITY', 'no identity issued'],
    ['a call that is not understood', refusing(3, 'security header missing'), 'SPIFFE_CALL_REFUSED', 'header missing'],
    ['any other failure', refusing(14, 'not ready: 100%'), 'SPIFFE_CALL_FAILED', 'gRPC status 14): "not ready: 100%"'],
  ])('with a status in the first headers: %s', async (_, answer, code, what) => {
    const agent = await FakeAgent.start();
    agent.answer = answer;
    const { got, ended } = follow(agent);
    expect(await ended).toMatchObject({ code, message: containing(what) });
    expect(got).toEqual([]);
    expect(await codeOf(firstSvids({ socket: agent.socket, mayBeOpen: false }, never()))).toBe(code);
  });

  test('with a status in the trailers: entries removed while it lasts', async () => {
    const agent = await FakeAgent.start([await makeSvid(authority)]);
    const { got, ended } = follow(agent);
    await expect.poll(() => got.length).toBe(1);
    agent.refuse(7, 'no identity issued');
    expect(await ended).toMatchObject({ code: 'SPIFFE_NO_IDENTITY' });
  });

  test('with neither: the agent ended', async () => {
    const agent = await FakeAgent.start([await makeSvid(authority)]);
    const { got, ended } = follow(agent);
    await expect.poll(() => got.length).toBe(1);
    await agent.stop();
    expect(await ended).toMatchObject({ code: 'SPIFFE_AGENT_ENDED' });
  });

  test('with a message that is not printable', async () => {
    const agent = await FakeAgent.start();
    agent.answer = refusing(7, `\u001b[31m\n${'x'.repeat(1_000)}`);
    const fault = await follow(agent).ended;
    expect(fault?.message).toMatch(/^[ -~]{1,600}$/);
  });

  test('to a socket that no agent listens on', async () => {
    const agent = await FakeAgent.start();
    await rename(agent.socket, `${agent.socket}.old`);
    expect(await follow(agent).ended).toMatchObject({
      code: 'SPIFFE_AGENT_UNREACHABLE',
      message: containing('ENOENT'),
    });
    await agent.stop();
    expect(await follow({ socket: `${agent.socket}.old` }).ended).toMatchObject({ code: 'SPIFFE_AGENT_UNREACHABLE' });
  });

  test.each([
    ['too long', Buffer.from([0, 0x7f, 0, 0, 0])],
    ['compressed', Buffer.from([1, 0, 0, 0, 1, 0])],
    ['malformed', framed(Buffer.alloc(30, 0xff))],
  ])('with an answer that is %s', async (_, bytes) => {
    const agent = await FakeAgent.start();
    agent.answer = streaming(bytes);
    expect(await follow(agent).ended).toMatchObject({ code: 'SPIFFE_ANSWER_UNREADABLE' });
    await expect.poll(() => agent.openCalls).toBe(0);
  });

  test.each([
    ['speaks another protocol', 'HTTP/1.1 400 Bad Request\r\n\r\n'],
    ['says nothing and hangs up', ''],
  ])('to something that %s', async (_, text) => {
    const agent = await FakeAgent.start();
    const socket = `${agent.socket}.other`;
    const server = createServer((connection) => {
      connection.on('error', () => undefined).end(text);
    }).listen(socket);
    onTestFinished(() => void server.close());
    const fault = await follow({ socket }).ended;
    expect(fault?.code).toMatch(/^SPIFFE_(?:ANSWER_UNREADABLE|AGENT_ENDED)$/);
  });

  test('to another web server', async () => {
    const agent = await FakeAgent.start();
    agent.answer = (call) => {
      call.respond({ ':status': 404, 'content-type': 'text/html' });
      call.end('<!doctype html>');
    };
    expect(await follow(agent).ended).toMatchObject({
      code: 'SPIFFE_ANSWER_UNREADABLE',
      message: containing('HTTP status 404, content type "text/html"'),
    });
  });

  test.each(['text/html', 'application/grpc-web', undefined])('with the content type %s', async (type) => {
    const agent = await FakeAgent.start();
    const message = framed(response([await makeSvid(authority)]));
    agent.answer = (call) => {
      call.respond({ ':status': 200, ...(type !== undefined && { 'content-type': type }) });
      call.write(message);
    };
    const { got, ended } = follow(agent);
    expect(await ended).toMatchObject({ code: 'SPIFFE_ANSWER_UNREADABLE', message: containing('content type') });
    expect(got).toEqual([]);
    await expect.poll(() => agent.openCalls).toBe(0);
  });

  test('with a content type that names the encoding', async () => {
    const agent = await FakeAgent.start();
    const message = framed(response([await makeSvid(authority)]));
    agent.answer = (call) => {
      call.respond({ ':status': 200, 'content-type': 'application/grpc+proto' });
      call.write(message);
    };
    const { got } = follow(agent);
    await expect.poll(() => got.length).toBe(1);
  });

  test('to an agent that ends the connection for too many pings', async () => {
    const agent = await FakeAgent.start([await makeSvid(authority)]);
    const { got, ended } = follow(agent);
    await expect.poll(() => got.length).toBe(1);
    agent.goAway(constants.NGHTTP2_ENHANCE_YOUR_CALM);
    expect(await ended).toMatchObject({ code: 'SPIFFE_AGENT_ENDED', message: containing('code 11') });
  });

  test('to an agent that takes no further calls, and keeps this one', async () => {
    const agent = await FakeAgent.start([await makeSvid(authority)]);
    const { got } = follow(agent);
    await expect.poll(() => got.length).toBe(1);
    agent.goAway(constants.NGHTTP2_NO_ERROR);
    agent.push([await makeSvid(authority, { id: 'spiffe://example.org/next' })]);
    await expect.poll(() => idsOf(got.at(-1))).toEqual(['spiffe://example.org/next']);
  });
});

describe('an agent that hangs', () => {
  /** Takes every connection, and never reads. */
  async function mute(socket: string): Promise<void> {
    const server = createServer({ pauseOnConnect: true }, (connection) => {
      onTestFinished(() => void connection.destroy());
    }).listen(socket);
    onTestFinished(() => void server.close());
    await once(server, 'listening');
  }

  const brief = { deadlineMs: 300, pingEveryMs: 100_000 };

  test('before it speaks HTTP/2', async () => {
    const { socket } = await FakeAgent.start();
    await mute(`${socket}.mute`);
    const { ended } = follow({ socket: `${socket}.mute` }, brief);
    expect(await ended).toMatchObject({ code: 'SPIFFE_AGENT_LATE', message: containing('sent no SVID within 0.3 s') });
  });

  test('before its first answer', async () => {
    const agent = await FakeAgent.start();
    agent.answer = () => undefined;
    expect(await follow(agent, brief).ended).toMatchObject({ code: 'SPIFFE_AGENT_LATE' });
    await expect.poll(() => agent.openCalls).toBe(0);
  });

  test('in the middle of its first answer', async () => {
    const agent = await FakeAgent.start();
    agent.answer = streaming(framed(response([await makeSvid(authority)])).subarray(0, -1));
    expect(await follow(agent, brief).ended).toMatchObject({ code: 'SPIFFE_AGENT_LATE' });
  });

  test('after it, which a ping shows', async () => {
    const agent = await FakeAgent.start([await makeSvid(authority)]);
    const { socket, hang } = await between(agent);
    const { got, ended } = follow({ socket }, { deadlineMs: 1_000, pingEveryMs: 100 });
    await expect.poll(() => agent.pings).toBeGreaterThan(5);
    expect(got).toHaveLength(1);
    hang();
    expect(await ended).toMatchObject({ code: 'SPIFFE_AGENT_LATE', message: containing('did not answer a ping') });
  });

  /** What passes the bytes on, until it hangs. */
  async function between(agent: FakeAgent): Promise<{ readonly socket: string; readonly hang: () => void }> {
    const socket = `${agent.socket}.between`;
    const connections: Socket[] = [];
    const server = createServer((connection) => {
      const onward = connect(agent.socket);
      connections.push(connection, onward);
      for (const each of [connection, onward]) each.on('error', () => undefined);
      connection.pipe(onward).pipe(connection);
    }).listen(socket);
    onTestFinished(() => {
      server.close();
      for (const each of connections) each.destroy();
    });
    await once(server, 'listening');
    const hang = (): void => {
      for (const each of connections) each.unpipe().pause();
    };
    return { socket, hang };
  }
});

describe('the socket of an agent', () => {
  /** Moves the socket, so that its directory is one that a test may change. */
  async function moved(mode: number): Promise<{ readonly socket: string; readonly directory: string }> {
    const agent = await FakeAgent.start([await makeSvid(authority)]);
    const directory = path.join(path.dirname(agent.socket), 'public');
    await mkdir(directory);
    const socket = path.join(directory, 'agent.sock');
    await rename(agent.socket, socket);
    await chmod(directory, mode);
    return { socket, directory };
  }

  test('may be one that every user can write to, but its directory may not', async () => {
    const { socket, directory } = await moved(0o755);
    const ids = async (mayBeOpen: boolean): Promise<string[]> =>
      idsOf(await firstSvids({ socket, mayBeOpen }, never()));
    expect(await ids(false)).toEqual(['spiffe://example.org/device']);
    await chmod(directory, 0o777);
    expect(await codeOf(ids(false))).toBe('FILE_WRITABLE_BY_OTHERS');
    expect(await ids(true)).toEqual(['spiffe://example.org/device']);
  });

  test('is neither a link nor another file', async () => {
    const { socket, directory } = await moved(0o755);
    const at = (name: string): Promise<Svids> =>
      firstSvids({ socket: path.join(directory, name), mayBeOpen: false }, never());
    await symlink(socket, path.join(directory, 'link'));
    await writeFile(path.join(directory, 'file'), '');
    await expect(at('link')).rejects.toThrow('it is a link');
    await expect(at('file')).rejects.toThrow('it is not a socket');
  });

  test('may have a path longer than an address of a socket', async () => {
    const { socket, directory } = await moved(0o755);
    const long = path.join(directory, 'x'.repeat(100));
    await mkdir(long);
    await rename(socket, path.join(long, 'agent.sock'));
    const svids = await firstSvids({ socket: path.join(long, 'agent.sock'), mayBeOpen: false }, never());
    expect(svids).toHaveLength(1);
  });
});

describeWith('root', isRoot, 'the socket of an agent that is not root', () => {
  const AGENT = 4_321;

  test.each([
    ['/run', AGENT, 'used'],
    ['/run', AGENT + 1, 'FILE_OWNED_BY_OTHER'],
    // Anyone could have made the directory there.
    [tmpdir(), AGENT, 'FILE_OWNED_BY_OTHER'],
  ])('in a directory of its user in %s, and itself of user %i: %s', async (above, owner, outcome) => {
    const agent = await FakeAgent.start([await makeSvid(authority)]);
    const directory = await mkdtemp(path.join(above, 'imds-anywhere-agent-'));
    onTestFinished(() => rm(directory, { recursive: true }));
    const socket = path.join(directory, 'agent.sock');
    await rename(agent.socket, socket).catch(async () => {
      // Another file system.
      await agent.stop();
      await agent.listen(socket);
    });
    await chown(socket, owner, owner);
    await chown(directory, AGENT, AGENT);
    const made = firstSvids({ socket, mayBeOpen: false }, never()).then(
      () => 'used',
      (error: unknown) => (error as CodedError).code,
    );
    expect(await made).toBe(outcome);
  });
});
