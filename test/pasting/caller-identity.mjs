// An SDK with its default chain, and nothing that knows of imds-anywhere.
import { stdout } from 'node:process';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';

stdout.write((await new STSClient({}).send(new GetCallerIdentityCommand({}))).Arn);
