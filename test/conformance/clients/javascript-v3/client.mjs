import { createInterface } from 'node:readline';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';

// Releases from before November 2023 do not know the variable of the endpoint.
const sts = new STSClient({ endpoint: process.env.AWS_ENDPOINT_URL_STS });

const answers = {
  call: async () => (await sts.send(new GetCallerIdentityCommand({}))).Arn,
  region: () => sts.config.region(),
};

for await (const line of createInterface({ input: process.stdin })) {
  try {
    process.stdout.write(`ok ${await answers[line]()}\n`);
  } catch (error) {
    process.stdout.write(`error ${error.name}: ${error.message}`.replaceAll('\n', ' ') + '\n');
  }
}
