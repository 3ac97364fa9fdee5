// The least that Node can do: yardstick.mjs http|fastify PORT. Fixed answers of the sizes of a credential document and a token.
import { createServer } from 'node:http';

const [kind, port] = process.argv.slice(2);
const body = 'x'.repeat(1100);
const token = 'x'.repeat(56);
const headers = { server: 'EC2ws', 'cache-control': 'no-store', 'content-type': 'text/plain' };

if (kind === 'fastify') {
  // Loading it takes most of a start.
  const { default: fastify } = await import('fastify');
  const app = fastify({ logger: false });
  app.get('/', (_request, reply) => reply.headers(headers).send(body));
  await app.listen({ host: '127.0.0.1', port: Number(port) });
} else {
  createServer(({ method }, response) => {
    const answer = method === 'PUT' ? token : body;
    response.writeHead(200, { ...headers, 'content-length': answer.length });
    response.end(answer);
  }).listen(Number(port), '127.0.0.1');
}
