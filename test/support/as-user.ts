import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** Only root can switch to other users. */
export const isRoot = process.geteuid?.() === 0;

export interface AskedAs {
  readonly uid: number;
  readonly gid?: number;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Used instead of the host and port of the URL. */
  readonly socketPath?: string;
}

const PROGRAM = `const [url, { uid, gid, ...options }] = JSON.parse(process.argv[1]);
  if (process.geteuid() !== uid) { process.setgroups([]); process.setgid(gid ?? uid); process.setuid(uid); }
  const asked = require('node:http').request(url, options, (answer) => {
    let body = '';
    answer.setEncoding('utf8').on('data', (text) => (body += text));
    answer.on('end', () => console.log(JSON.stringify([answer.statusCode, body])));
  });
  asked.on('error', ({ code }) => console.log(JSON.stringify([0, code])));
  asked.end();`;

/**
 * One request from a process of that user. @returns status and body; 0 and the system's code if it
 * could not connect.
 */
export async function askAs(url: string, as: AskedAs): Promise<readonly [status: number, body: string]> {
  const { stdout } = await promisify(execFile)(process.execPath, ['--eval', PROGRAM, JSON.stringify([url, as])]);
  return JSON.parse(stdout) as [number, string];
}
