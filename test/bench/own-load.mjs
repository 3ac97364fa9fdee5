// The load where wrk is not installed: own-load.mjs URL CONNECTIONS SECONDS KIND PATH TOKEN, as load.lua. Prints the same line.
// Node needs about as long for a request as the servers do, so the load may be the bottleneck.
import net from 'node:net';

const [url, connections, seconds, kind, path, token] = process.argv.slice(2);
const { hostname, port, host } = new URL(url);
const head = (method, target, name, value) =>
  `${method} ${target} HTTP/1.1\r\nHost: ${host}\r\n${name}: ${value}\r\n\r\n`;
const get = (target, held) => head('GET', target, 'x-aws-ec2-metadata-token', held);
const put = head('PUT', '/latest/api/token', 'x-aws-ec2-metadata-token-ttl-seconds', '21600');
const listing = '/latest/meta-data/iam/security-credentials/';

const times = [];
let failures = 0;
const until = performance.now() + Number(seconds) * 1000;

/** One request and its answer. */
function ask(socket, request) {
  const began = performance.now();
  return new Promise((resolve, reject) => {
    let text = '';
    const failed = () => reject(new Error('the connection ended'));
    const take = (data) => {
      text += data;
      const end = text.indexOf('\r\n\r\n');
      const length = /^content-length: *(\d+)/im.exec(text)?.[1];
      if (end < 0 || text.length < end + 4 + Number(length)) return;
      socket.off('data', take).off('close', failed);
      times.push(performance.now() - began);
      if (!text.startsWith('HTTP/1.1 200')) failures += 1;
      resolve(text.slice(end + 4));
    };
    socket.on('data', take).once('close', failed);
    socket.write(request);
  });
}

const connection = () =>
  net
    .connect(Number(port), hostname)
    .setEncoding('latin1')
    .setNoDelay(true)
    .on('error', () => undefined);

async function keptOpen(request) {
  const socket = connection();
  while (performance.now() < until) await ask(socket, request);
  socket.destroy();
}

async function flows() {
  while (performance.now() < until) {
    const socket = connection();
    const held = await ask(socket, put);
    await ask(socket, get(listing, held));
    await ask(socket, get(path, held));
    socket.destroy();
  }
}

const lane = async () => {
  try {
    await (kind === 'flow' ? flows() : keptOpen(kind === 'token' ? put : get(path, token)));
  } catch {
    failures += 1;
  }
};
await Promise.all(Array.from({ length: Number(connections) }, lane));
times.sort((left, right) => left - right);
const p99Us = Math.round(1000 * (times[Math.floor(times.length * 0.99)] ?? 0));
console.log(JSON.stringify({ requests: times.length, p99Us, failures }));
