import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import { hasTool } from './tools.ts';

const CLI = path.resolve(import.meta.dirname, '../../.cache/conformance/aws-cli-v2/cli');

/** The real AWS CLI: that of the conformance matrix, or an installed one. */
export const hasAwsCli = existsSync(CLI) || hasTool('aws', '--version');

interface Seen {
  readonly request: string;
  readonly body: string;
}

/**
 * What reaches AWS when a shell runs AWS CLI commands: method and path, and the body. A local server
 * plays AWS.
 *
 * @param shell - the arguments of `sh`.
 * @param answer - the body of the answer for a path.
 * @throws Error with what the shell printed, if a command fails.
 */
export async function requestsOf(
  home: string,
  shell: readonly string[],
  answer: (url: string) => string,
): Promise<readonly Seen[]> {
  const seen: Seen[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request
      .on('data', (chunk: Buffer) => chunks.push(chunk))
      .on('end', () => {
        seen.push({ request: `${request.method} ${request.url}`, body: Buffer.concat(chunks).toString() });
        response.end(answer(request.url ?? ''));
      });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const child = spawn('sh', shell, {
    env: {
      PATH: `${CLI}:${process.env['PATH'] ?? ''}`,
      HOME: home,
      AWS_ENDPOINT_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      AWS_ACCESS_KEY_ID: 'AKIAEXAMPLE',
      AWS_SECRET_ACCESS_KEY: 'example',
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr.on('data', (text) => (stderr += String(text)));
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`code ${String(code)}: ${stderr}`);
  return seen;
}
