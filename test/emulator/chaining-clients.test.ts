import { execFile } from 'node:child_process';
import { tmpdir } from 'node:os';
import { promisify } from 'node:util';
import * as v from 'valibot';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../src/foundation/clock.ts';
import { trustPolicySchema } from '../../src/iam/policy-document.ts';
import { describeWith, hasTool } from '../support/tools.ts';
import { type Credentials, credentialsOf, Emulated, permissionsPolicy, ROLE_ARN } from './support/emulated.ts';

const TARGET = 'arn:aws:iam::444455556666:role/target';

/** Every parameter that boto3 writes as a list or in a form of its own, twice around the chain. */
const PROGRAM = `
import boto3, json, os
from botocore.exceptions import ClientError
def sts(keys):
    return boto3.client('sts', endpoint_url=os.environ['STS'], region_name='eu-west-1', aws_access_key_id=keys['AccessKeyId'],
                        aws_secret_access_key=keys['SecretAccessKey'], aws_session_token=keys['SessionToken'])
asked = dict(RoleArn=os.environ['TARGET'], RoleSessionName='from boto'.replace(' ', '+'), ExternalId='ticket/7',
             Tags=[{'Key': 'team', 'Value': 'edge & more'.replace('&', '+')}, {'Key': 'step', 'Value': ''}], TransitiveTagKeys=['team'],
             Policy=json.dumps({'Version': '2012-10-17', 'Statement': [{'Effect': 'Allow', 'Action': 's3:*', 'Resource': '*'}]}))
answer = sts(json.loads(os.environ['KEYS'])).assume_role(**asked)
seen = sts(answer['Credentials'])
try:
    seen.assume_role(RoleArn=os.environ['TARGET'], RoleSessionName='again')
    error = None
except ClientError as refused:
    error = refused.response['Error']
print(json.dumps(dict(arn=seen.get_caller_identity()['Arn'], identity=answer['SourceIdentity'], error=error,
                      year=answer['Credentials']['Expiration'].year)))
`;

const hasBoto = hasTool('python3', '-c', 'import boto3');

describeWith('python3 with boto3', hasBoto, 'boto3', () => {
  let emulated: Emulated;
  let credentials: Credentials;

  beforeAll(async () => {
    const actions = ['sts:AssumeRole', 'sts:TagSession', 'sts:SetSourceIdentity'];
    const trust = (action: string, condition: object): object => ({
      Effect: 'Allow',
      Principal: { AWS: ROLE_ARN },
      Action: action,
      Condition: condition,
    });
    const trustPolicy = v.parse(trustPolicySchema, {
      Version: '2012-10-17',
      Statement: [
        trust('sts:AssumeRole', { StringEquals: { 'sts:ExternalId': 'ticket/7', 'sts:RoleSessionName': 'from+boto' } }),
        trust('sts:TagSession', {
          StringEquals: { 'aws:RequestTag/team': 'edge + more' },
          'ForAllValues:StringEquals': { 'sts:TransitiveTagKeys': 'team', 'aws:TagKeys': ['team', 'step'] },
        }),
        trust('sts:SetSourceIdentity', { StringLike: { 'sts:SourceIdentity': 'CN=device-*' } }),
      ],
    });
    const policies = [permissionsPolicy('chain', { Effect: 'Allow', Action: actions, Resource: TARGET })];
    const changes = { role: { policies }, roles: [{ arn: TARGET, trustPolicy }] };
    emulated = await Emulated.start(changes, { clock: systemClock });
    credentials = credentialsOf(await emulated.createSession({ at: Date.now() }));
  });
  afterAll(() => emulated.stop());

  test('chains, with all parameters', async () => {
    const { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: SessionToken } = credentials;
    const env = {
      PATH: process.env['PATH'],
      HOME: tmpdir(),
      STS: emulated.url,
      TARGET,
      KEYS: JSON.stringify({ AccessKeyId, SecretAccessKey, SessionToken }),
    };
    const { stdout } = await promisify(execFile)('python3', ['-c', PROGRAM], { env, timeout: 120_000 });
    const again = 'arn:aws:sts::444455556666:assumed-role/target/from+boto';
    expect(JSON.parse(stdout)).toEqual({
      arn: again,
      identity: 'CN=device-0001',
      error: {
        Type: 'Sender',
        Code: 'AccessDenied',
        Message: `User: ${again} is not authorized to perform: sts:AssumeRole on resource: ${TARGET}`,
      },
      year: new Date(Date.now() + 3_600_000).getUTCFullYear(),
    });
  }, 150_000);
});
