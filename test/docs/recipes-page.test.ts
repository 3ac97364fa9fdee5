import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { eventually, PROGRAM } from '../support/program.ts';
import { describeWith, hasTool } from '../support/tools.ts';
import { Workshop } from '../support/workshop.ts';

// The recipes that docs/recipes.md marks as run in CI: their unchanged lines, with an S3 and a
// configuration of this machine.

const PAGE = path.resolve(import.meta.dirname, '../../docs/recipes.md');
const S3 = 'https://s3.eu-central-1.amazonaws.com';
const CONFIG = '/etc/imds-anywhere/config.yaml';

const page = await readFile(PAGE, 'utf8');

/** The blocks of one language in the section of a tool. */
function recipe(tool: string, kind: 'sh' | 'yaml'): string {
  const section = page.split(/^## /m).find((text) => text.startsWith(`${tool}\n`)) ?? '';
  return [...section.matchAll(new RegExp(`^\`\`\`${kind}$(.*?)^\`\`\`$`, 'gms'))].map(([, lines]) => lines).join('');
}

test('the page marks exactly these recipes with "in CI"', () => {
  const rows = [...page.matchAll(/^\| \[([^\]]+)\].*\| ([^|]+) \|$/gm)];
  expect(rows.filter(([, , run]) => run === 'in CI').map(([, tool]) => tool)).toEqual([
    'restic',
    's3cmd',
    'docker-registry',
  ]);
  expect(rows.length).toBeGreaterThan(12);
  for (const [, , run] of rows) expect(run).toMatch(/^(in CI|by hand: .*\d{4}-\d\d-\d\d.*|not run.*)$/);
});

const TOOLS = ['restic', 's3cmd', 'docker-registry'];

describeWith(
  TOOLS.join(', '),
  TOOLS.every((tool) => hasTool('sh', '-c', `command -v ${tool}`)),
  'the recipes',
  () => {
    let workshop: Workshop;
    let s3: Server;
    let config: string;
    let accessKeyId: string;
    const requests: IncomingMessage[] = [];

    beforeAll(async () => {
      workshop = await Workshop.open();
      const emulator = await workshop.emulator();
      const tokens = `{ client: backup, roles: [uploader], file: ${path.join(workshop.directory, 'backup.token')} }`;
      const text = emulator.config.replace(
        /^( {2}- roleArn: .*)$/m,
        `$1\n    name: uploader\n    imds: { listen: "127.0.0.1:${await freePort()}", region: eu-central-1 }`,
      );
      config = await workshop.write(
        'recipes.yaml',
        `${text}\ncontainer:\n  listen: 127.0.0.1:${await freePort()}\n  tokens: [${tokens}]\n`,
      );
      const daemon = workshop.start(['serve', config]);
      [, accessKeyId = ''] = await daemon.says(/"accessKeyId":"(\w+)"/);
      const shim = path.join(workshop.directory, 'bin/imds-anywhere');
      await mkdir(path.dirname(shim));
      await writeFile(shim, `#!/bin/sh\nexec "${process.execPath}" "${PROGRAM}" "$@"\n`);
      await chmod(shim, 0o755);
      s3 = createServer((request, response) => {
        requests.push(request);
        answerAsS3(request, response);
      }).listen(0, '127.0.0.1');
      await once(s3, 'listening');
      return async () => {
        s3.close();
        await workshop.close();
      };
    });

    const here = (text: string): string =>
      text.replaceAll(S3, `http://127.0.0.1:${(s3.address() as AddressInfo).port}`).replaceAll(CONFIG, config);

    /** A new user on this machine with only the program. */
    const environment = (): NodeJS.ProcessEnv => ({
      PATH: `${path.join(workshop.directory, 'bin')}:${process.env['PATH'] ?? ''}`,
      HOME: workshop.directory,
      RESTIC_PASSWORD: 'not a secret',
    });

    /** `update` has its own session. */
    const keyInProfile = async (): Promise<string | undefined> => {
      const file = path.join(workshop.directory, '.aws/credentials');
      return /aws_access_key_id *= *(\w+)/.exec(await readFile(file, 'utf8').catch(() => ''))?.[1];
    };

    /**
     * Runs the lines of a tool until it has sent a request. All of its requests must be signed with
     * the session of the daemon or of the profile.
     */
    const expectSigned = async (tool: string, also = (script: string): string => script): Promise<void> => {
      requests.length = 0;
      const script = also(here(recipe(tool, 'sh')));
      expect(script).toContain(tool);
      const child = spawn('sh', ['-e', '-c', script], { env: environment(), cwd: workshop.directory, detached: true });
      let said = '';
      for (const stream of [child.stdout, child.stderr]) stream.on('data', (data: Buffer) => (said += data.toString()));
      onTestFinished(async () => {
        if (child.exitCode !== null) return;
        process.kill(-(child.pid ?? 0), 'SIGTERM');
        await once(child, 'exit');
      });
      await eventually(`a request of ${tool}: ${said}`, 20_000, () => requests[0]);
      const keys = [accessKeyId, await keyInProfile()];
      for (const { headers } of requests) {
        expect(keys).toContain(/Credential=(\w+)\//.exec(headers.authorization ?? '')?.[1]);
        expect(headers['x-amz-security-token']).toBeTruthy();
      }
    };

    test('restic', () => expectSigned('restic'));

    test('s3cmd', () => {
      const { port } = s3.address() as AddressInfo;
      const host = `--host=127.0.0.1:${port} --host-bucket=127.0.0.1:${port} --no-ssl`;
      return expectSigned('s3cmd', (script) => script.replace('s3cmd ls', `s3cmd ${host} ls`));
    });

    test('docker-registry', async () => {
      const port = await freePort();
      const yaml = here(recipe('docker-registry', 'yaml')).replace('127.0.0.1:5000', `127.0.0.1:${port}`);
      await workshop.write('config.yml', yaml);
      const asking = setInterval(() => {
        fetch(`http://127.0.0.1:${port}/v2/app/tags/list`).catch(() => undefined);
      }, 500);
      onTestFinished(() => {
        clearInterval(asking);
      });
      await expectSigned('docker-registry');
    });
  },
);

/** An empty bucket that accepts everything. */
function answerAsS3({ method, url = '' }: IncomingMessage, response: ServerResponse): void {
  const empty =
    '<ListBucketResult><Name>my-bucket</Name><KeyCount>0</KeyCount><IsTruncated>false</IsTruncated></ListBucketResult>';
  const region = '<LocationConstraint>eu-central-1</LocationConstraint>';
  const isObject = url.replace(/\?.*/, '').split('/').filter(Boolean).length > 1;
  response.writeHead(method === 'HEAD' && isObject ? 404 : 200, { 'content-type': 'application/xml' });
  response.end(method === 'GET' ? (url.includes('location') ? region : empty) : undefined);
}
