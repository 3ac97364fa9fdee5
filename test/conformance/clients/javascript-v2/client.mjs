import { createInterface } from 'node:readline';
import AWS from 'aws-sdk';

const sts = new AWS.STS({ endpoint: process.env.AWS_ENDPOINT_URL_STS });

for await (const line of createInterface({ input: process.stdin })) {
  try {
    if (line !== 'call') throw new Error(`no such question: ${line}`);
    process.stdout.write(`ok ${(await sts.getCallerIdentity({}).promise()).Arn}\n`);
  } catch (error) {
    process.stdout.write(`error ${error.name}: ${error.message}`.replaceAll('\n', ' ') + '\n');
  }
}
