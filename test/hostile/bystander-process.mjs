// A client that behaves, in a process of its own so that its latency is the endpoint's and not the flood's: it reads the credentials
// over a kept connection, then with a new token over a new one, and so on until it is stopped. Arguments: port, role.
import { Agent, request } from 'node:http';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';

const [port, role] = process.argv.slice(2);
const PAUSE_MS = 5;
/** As long as the most patient SDK waits. */
const PATIENCE_MS = 5_000;
const kept = new Agent({ keepAlive: true, maxSockets: 1 });
const latencies = [];
const failures = {};
let stopping = false;

function ask(agent, method, path, headers) {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, agent, method, path, headers, timeout: PATIENCE_MS }, (answer) => {
      let body = '';
      answer.setEncoding('utf8').on('data', (text) => (body += text));
      answer.on('end', () => resolve({ status: answer.statusCode, body }));
    });
    // What every pool does: an idle connection may be closed at any time, and the request is sent again.
    asked.on('error', (error) => {
      if (asked.reusedSocket && error.code === 'ECONNRESET') ask(agent, method, path, headers).then(resolve, reject);
      else reject(error);
    });
    asked.on('timeout', () => asked.destroy(Object.assign(new Error('no answer'), { code: 'timeout' })));
    asked.end();
  });
}

async function measured(agent, method, path, headers) {
  const began = process.hrtime.bigint();
  const { status, body } = await ask(agent, method, path, headers);
  latencies.push(Number(process.hrtime.bigint() - began) / 1e6);
  if (status !== 200) throw Object.assign(new Error('refused'), { code: `status ${status}` });
  return body;
}

async function session(agent) {
  const ttl = { 'x-aws-ec2-metadata-token-ttl-seconds': '300' };
  const token = await measured(agent, 'PUT', '/latest/api/token', ttl);
  const path = `/latest/meta-data/iam/security-credentials/${role}`;
  const { Code } = JSON.parse(await measured(agent, 'GET', path, { 'x-aws-ec2-metadata-token': token }));
  if (Code !== 'Success') throw Object.assign(new Error('no credentials'), { code: 'no credentials' });
}

process.on('message', () => (stopping = true));
process.on('disconnect', () => process.exit());
process.send('ready');
for (let round = 0; !stopping; round += 1) {
  await session(round % 2 === 0 ? kept : false).catch(({ code, message }) => {
    failures[code ?? message] = (failures[code ?? message] ?? 0) + 1;
  });
  await sleep(PAUSE_MS);
}
latencies.sort((left, right) => left - right);
const at = (share) => latencies[Math.floor(share * (latencies.length - 1))] ?? 0;
process.send({ answers: latencies.length, failures, medianMs: at(0.5), p99Ms: at(0.99), worstMs: at(1) });
process.disconnect();
