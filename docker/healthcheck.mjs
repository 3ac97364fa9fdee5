// HEALTHCHECK of the image, which has no curl. It asks the endpoint like an SDK, but for a document without secrets that exists
// exactly while there is a usable session. It needs no admin listener, so it also works for a daemon started with flags.
import console from 'node:console';
import { request } from 'node:http';
import process from 'node:process';

const endpoint = process.env.AWS_EC2_METADATA_SERVICE_ENDPOINT ?? 'http://127.0.0.1:9911';

/** @returns {Promise<{ status: number, body: string }>} */
const ask = (method, path, headers) =>
  new Promise((resolve, reject) => {
    const asking = request(endpoint + path, { method, headers, timeout: 3_000 }, async (answer) => {
      resolve({ status: answer.statusCode, body: (await answer.toArray()).join('') });
    });
    asking.once('error', reject).once('timeout', () => asking.destroy(new Error('no answer within 3 s')));
    asking.end();
  });

try {
  const token = await ask('PUT', '/latest/api/token', { 'x-aws-ec2-metadata-token-ttl-seconds': '60' });
  const info = await ask('HEAD', '/latest/meta-data/iam/info', { 'x-aws-ec2-metadata-token': token.body });
  console.log(`${endpoint} has ${info.status === 200 ? 'a' : 'no'} usable session (status ${info.status})`);
  process.exitCode = info.status === 200 ? 0 : 1;
} catch (error) {
  console.log(`${endpoint} does not answer: ${error.message}`);
  process.exitCode = 1;
}
