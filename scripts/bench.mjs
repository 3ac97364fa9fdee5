// Measures start, memory and reads of the built program against a bare Node process in the same run: the ratios travel, the
// absolute numbers belong to this machine. `npm run build` first; needs no network but loopback.
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';

const PROGRAM = new URL('../dist/main.js', import.meta.url).pathname;
const STARTS = 15;
const READS = 20_000;
const CONNECTIONS = 16;

const BARE = `
const body = Buffer.alloc(1100, 'x');
require('node:http').createServer((q, s) => { s.writeHead(200, { 'content-length': body.length }); s.end(body); })
  .listen(0, '127.0.0.1', function () { console.log('bare=http://127.0.0.1:' + this.address().port); });`;

const running = new Set();

/** Starts a program; resolves with it once it printed a URL. */
async function started(args, pattern) {
  const began = performance.now();
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'], env: { PATH: process.env.PATH } });
  running.add(child);
  let text = '';
  for await (const chunk of child.stdout) {
    text += chunk;
    const match = pattern.exec(text);
    if (match) return { child, ms: performance.now() - began, url: match[1], text };
  }
  throw new Error(`ended early: ${args.join(' ')}`);
}

async function stopped(child) {
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill();
  await ended;
  running.delete(child);
}

const rssOf = async (child) =>
  Number(/VmRSS:\s+(\d+)/.exec(await readFile(`/proc/${child.pid}/status`, 'utf8'))[1]) / 1024;
const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function starts(args, pattern) {
  const times = [];
  for (let n = 0; n < STARTS; n += 1) {
    const { child, ms } = await started(args, pattern);
    times.push(ms);
    await stopped(child);
  }
  return median(times);
}

/** Reads `path` READS times over CONNECTIONS kept-alive connections; reads per second. */
async function reads(url, target, headers) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const once = () =>
    new Promise((resolve, reject) => {
      http
        .get(`${url}${target}`, { agent, headers }, (answer) => {
          if (answer.statusCode !== 200) reject(new Error(`status ${answer.statusCode}`));
          answer.resume().once('end', resolve);
        })
        .once('error', reject);
    });
  const lane = async (count) => {
    for (let n = 0; n < count; n += 1) await once();
  };
  await lane(500);
  const began = performance.now();
  await Promise.all(Array.from({ length: CONNECTIONS }, () => lane(READS / CONNECTIONS)));
  agent.destroy();
  return READS / ((performance.now() - began) / 1000);
}

async function token(url) {
  const answer = await fetch(`${url}/latest/api/token`, {
    method: 'PUT',
    headers: { 'x-aws-ec2-metadata-token-ttl-seconds': '600' },
  });
  return { 'x-aws-ec2-metadata-token': await answer.text() };
}

const directory = await mkdtemp(path.join(tmpdir(), 'bench-'));
try {
  const emulator = await started(
    [PROGRAM, 'emulate', '--dir', path.join(directory, 'account'), '--listen', '127.0.0.1:0'],
    /endpoint: (\S+)[^]*AWS_REGION/,
  );
  const config = path.join(directory, 'config.yaml');
  await writeFile(config, emulator.text.replace(/^( {2}- roleArn: .*)$/m, '$1\n    imds: { listen: "127.0.0.1:0" }'));

  const serve = [PROGRAM, 'serve', config];
  const bareStart = await starts(['-e', BARE], /bare=(\S+)/);
  const serveStart = await starts(serve, /ENDPOINT=(\S+)/);

  const bare = await started(['-e', BARE], /bare=(\S+)/);
  const daemon = await started(serve, /ENDPOINT=(\S+)/);
  await sleep(2000);
  const [bareIdle, serveIdle] = [await rssOf(bare.child), await rssOf(daemon.child)];

  const role = '/latest/meta-data/iam/security-credentials/';
  const name = await (await fetch(daemon.url + role, { headers: await token(daemon.url) })).text();
  const rates = { bare: [], daemon: [] };
  for (let round = 0; round < 3; round += 1) {
    rates.bare.push(await reads(bare.url, '/', {}));
    rates.daemon.push(await reads(daemon.url, role + name, await token(daemon.url)));
  }
  const [bareRate, serveRate] = [median(rates.bare), median(rates.daemon)];

  const row = (title, ours, theirs, unit) =>
    console.log(
      `${title.padEnd(42)} ${ours.toFixed(0).padStart(8)} ${theirs.toFixed(0).padStart(8)} ${(ours / theirs).toFixed(2).padStart(7)}  ${unit}`,
    );
  console.log(`Node ${process.version}; medians\n${''.padEnd(42)} imds-any     bare   ratio`);
  row('start until listening', serveStart, bareStart, 'ms');
  row('resident memory, holding a session, idle', serveIdle, bareIdle, 'MB');
  row(`credential reads, ${CONNECTIONS} connections`, serveRate, bareRate, '1/s');
  row('resident memory after the reads', await rssOf(daemon.child), await rssOf(bare.child), 'MB');
} finally {
  for (const child of running) await stopped(child);
  await rm(directory, { recursive: true, force: true });
}
