import { execFileSync, spawn } from 'node:child_process';
import type { KeyObject } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

export interface RunningAgent {
  readonly socket: string;
  readonly add: (key: KeyObject, ...flags: string[]) => void;
  readonly removeAll: () => void;
  readonly close: () => Promise<void>;
}

/** OpenSSH's ssh-agent, with no keys. */
export async function startAgent(): Promise<RunningAgent> {
  const directory = await mkdtemp(path.join(tmpdir(), 'imds-anywhere-agent-'));
  const socket = path.join(directory, 'agent.sock');
  // Without a display there is nothing to ask people with.
  const env = { PATH: process.env['PATH'] };
  const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: 'ignore', env });
  while (!existsSync(socket)) await delay(10);
  const sshAdd = (flags: readonly string[], input = ''): void => {
    execFileSync('ssh-add', ['-q', ...flags], {
      input,
      stdio: 'pipe',
      env: { SSH_AUTH_SOCK: socket, PATH: process.env['PATH'] },
    });
  };
  return {
    socket,
    add: (key, ...flags) => {
      const type = key.asymmetricKeyType === 'rsa' ? 'pkcs1' : 'sec1';
      sshAdd([...flags, '-'], key.export({ format: 'pem', type }) as string);
    },
    removeAll: () => {
      sshAdd(['-D']);
    },
    close: async () => {
      const ended = once(agent, 'exit');
      agent.kill();
      await ended;
      await rm(directory, { recursive: true, force: true });
    },
  };
}
