import { Secret } from '../../src/foundation/secret.ts';
import type { RoleSession } from '../../src/rolesanywhere/role-session.ts';
import type { HttpAnswer } from '../../src/rolesanywhere/send.ts';
import type { AssumedRole } from '../../src/sts/assumed-role.ts';

export const NOW = Date.parse('2026-11-22T12:00:00Z');

export const SECRET = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY';
export const TOKEN = 'IQoJb3JpZ2luX2VjEXAMPLETOKEN==';

/** A session of CreateSession. */
export const first: RoleSession = {
  accessKeyId: 'ASIAFIRSTHOPEXAMPLE1',
  secretAccessKey: new Secret('first-secret'),
  sessionToken: new Secret('first-token'),
  expiration: NOW + 3_600_000,
  receivedAt: NOW,
  assumedRoleArn: 'arn:aws:sts::123456789012:assumed-role/Hub/0123abcd',
  sourceIdentity: 'CN=device-0001',
  subjectArn: undefined,
  requestId: 'request-of-first',
};

export const second: AssumedRole = {
  roleArn: 'arn:aws:iam::210987654321:role/deploy',
  sessionDuration: 3_600,
  policyArns: [],
  tags: {},
  transitiveTagKeys: [],
  sts: { region: 'eu-central-1', fips: false, dualStack: false },
};

/** As AWS documents the answer of AssumeRole. */
export function assumedBody(expiration = '2026-11-22T13:00:00Z', more = ''): string {
  return `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <AssumeRoleResult>
  ${more}
    <AssumedRoleUser>
      <Arn>arn:aws:sts::210987654321:assumed-role/deploy/0123abcd</Arn>
      <AssumedRoleId>ARO123EXAMPLE123:0123abcd</AssumedRoleId>
    </AssumedRoleUser>
    <Credentials>
      <AccessKeyId>ASIASECONDHOPEXAMPLE</AccessKeyId>
      <SecretAccessKey>${SECRET}</SecretAccessKey>
      <SessionToken>${TOKEN}</SessionToken>
      <Expiration>${expiration}</Expiration>
    </Credentials>
  </AssumeRoleResult>
  <ResponseMetadata><RequestId>c6104cbe-af31-11e0-8154-cbc7ccf896c7</RequestId></ResponseMetadata>
</AssumeRoleResponse>`;
}

export function assumed(body = assumedBody()): HttpAnswer {
  return { status: 200, headers: { 'x-amzn-requestid': 'request-of-second' }, body };
}

export function stsRefused(
  code: string,
  message: string,
  status = 403,
  headers: Readonly<Record<string, string>> = {},
): HttpAnswer {
  const error = `<Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error>`;
  const body = `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">${error}<RequestId>r</RequestId></ErrorResponse>`;
  return { status, headers: { 'x-amzn-requestid': 'request-of-second', ...headers }, body };
}
