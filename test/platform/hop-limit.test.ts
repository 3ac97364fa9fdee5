import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { limitHops } from '../../src/platform/hop-limit.ts';
import { type Libc, loadLibc } from '../../src/platform/libc.ts';
import { recordingLog } from '../sessions/support.ts';
import { describeWith } from '../support/tools.ts';

const libc = await loadLibc();

describeWith('koffi', libc !== undefined, 'the hop limit of a listener', () => {
  it.each([
    ['127.0.0.1', 0, 2],
    ['::1', 41, 16],
  ])('is inherited by its connections: %s', async (host, level, option) => {
    const server = createServer().listen(0, host);
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    const { log, lines } = recordingLog();
    await limitHops(server, 1, log);
    const client = connect((server.address() as AddressInfo).port, host);
    const [accepted] = (await once(server, 'connection')) as [Socket];
    expect(optionOf(accepted, level, option)).toBe(1);
    expect(lines).toEqual([]);
    client.destroy();
  });

  it('that cannot be set is logged', async () => {
    const { log, lines } = recordingLog();
    await limitHops(createServer(), 1, log);
    expect(lines.map(({ fields }) => fields['code'])).toEqual(['HOP_LIMIT_UNSET']);
  });
});

function optionOf(socket: Socket, level: number, option: number): number {
  const { fd } = (socket as unknown as { _handle: { fd: number } })._handle;
  const value = Buffer.alloc(4);
  expect((libc as Libc).getsockopt(fd, level, option, value, [4])).toBe(0);
  return value.readInt32LE();
}
