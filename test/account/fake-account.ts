// An account that answers the calls of src/account/, in the form that botocore reads. It is independent of the emulator.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { HttpAnswer, HttpRequest } from '../../src/rolesanywhere/send.ts';

export const ACCOUNT_ID = '111122223333';
const REGION = 'eu-central-1';
const UUID = '11111111-2222-3333-4444-555555555555';
export const ARNS = {
  trustAnchorArn: `arn:aws:rolesanywhere:${REGION}:${ACCOUNT_ID}:trust-anchor/${UUID}`,
  profileArn: `arn:aws:rolesanywhere:${REGION}:${ACCOUNT_ID}:profile/${UUID}`,
  roleArn: `arn:aws:iam::${ACCOUNT_ID}:role/fleet/device`,
};

export interface FakeAccount {
  /** Of the caller. */
  accountId: string;
  /** Actions that the caller may not use. */
  denied: string[];
  /** Answers every call with this error. */
  keys: 'good' | 'ExpiredTokenException' | 'ThrottlingException';
  anchor: { enabled: boolean; pem: string | undefined } | undefined;
  profile: Record<string, unknown> | undefined;
  role: { maxSessionDuration: number; trustPolicy: object } | undefined;
  lists: { name: string; enabled: boolean; data: Buffer; trustAnchorArn: string }[];
}

export function trusting(condition: object, ...actions: string[]): object {
  const all = ['sts:AssumeRole', 'sts:TagSession', 'sts:SetSourceIdentity'];
  return {
    Version: '2012-10-17',
    Statement: [
      {
        ...{ Effect: 'Allow', Principal: { Service: 'rolesanywhere.amazonaws.com' } },
        Action: actions.length > 0 ? actions : all,
        Condition: condition,
      },
    ],
  };
}

/** An account that fits certificates of this CA. */
export function goodAccount(caPem: string): FakeAccount {
  return {
    ...{ accountId: ACCOUNT_ID, denied: [], keys: 'good', lists: [] },
    anchor: { enabled: true, pem: caPem },
    profile: {
      ...{ profileId: UUID, profileArn: ARNS.profileArn, name: 'fleet', enabled: true, durationSeconds: 3600 },
      ...{ roleArns: [ARNS.roleArn], managedPolicyArns: [], acceptRoleSessionName: false },
      requireInstanceProperties: false,
      attributeMappings: [
        { certificateField: 'x509Subject', mappingRules: [{ specifier: '*' }] },
        { certificateField: 'x509Issuer', mappingRules: [{ specifier: '*' }] },
        { certificateField: 'x509SAN', mappingRules: ['DNS', 'URI', 'Name/*'].map((specifier) => ({ specifier })) },
      ],
    },
    role: {
      maxSessionDuration: 3600,
      trustPolicy: trusting({ StringEquals: { 'aws:PrincipalTag/x509Subject/CN': 'device-0001' } }),
    },
  };
}

export function answerOf(account: FakeAccount, { url, method, body }: HttpRequest): HttpAnswer {
  const { pathname, searchParams } = new URL(url);
  const action = method === 'POST' ? (new URLSearchParams(body).get('Action') ?? '') : actionAt(pathname);
  const isQuery = method === 'POST';
  const error = isQuery ? xmlError : jsonError;
  if (account.keys !== 'good') return error(403, account.keys, 'The security token included in the request is expired');
  const prefix = action === 'GetRole' ? 'iam' : action === 'GetCallerIdentity' ? 'sts' : 'rolesanywhere';
  if (account.denied.includes(`${prefix}:${action}`))
    return error(
      403,
      isQuery ? 'AccessDenied' : 'AccessDeniedException',
      `User: x is not authorized to perform: ${prefix}:${action}`,
    );
  const found = resource(account, action, searchParams.get('nextToken'));
  return found ?? error(404, isQuery ? 'NoSuchEntity' : 'ResourceNotFoundException', 'not found');
}

function actionAt(pathname: string): string {
  if (pathname.includes('/trustanchor/')) return 'GetTrustAnchor';
  return pathname.includes('/profile/') ? 'GetProfile' : 'ListCrls';
}

function resource(account: FakeAccount, action: string, token: string | null): HttpAnswer | undefined {
  const { accountId, anchor, profile, role, lists } = account;
  if (action === 'GetCallerIdentity')
    return xml(
      'GetCallerIdentity',
      `<Account>${accountId}</Account><UserId>AIDA</UserId><Arn>arn:aws:iam::${accountId}:user/x</Arn>`,
    );
  if (action === 'GetRole') return role && xml('GetRole', roleXml(role));
  if (action === 'ListCrls') return crls(lists, Number(token ?? 0));
  if (action === 'GetProfile') return profile && json({ profile });
  return (
    anchor &&
    json({
      trustAnchor: {
        ...{ trustAnchorId: UUID, trustAnchorArn: ARNS.trustAnchorArn, name: 'fleet', enabled: anchor.enabled },
        source:
          anchor.pem === undefined
            ? {
                sourceType: 'AWS_ACM_PCA',
                sourceData: { acmPcaArn: 'arn:aws:acm-pca:eu-central-1:1:certificate-authority/1' },
              }
            : { sourceType: 'CERTIFICATE_BUNDLE', sourceData: { x509CertificateData: anchor.pem } },
      },
    })
  );
}

/** One list per page. */
function crls(lists: FakeAccount['lists'], page: number): HttpAnswer {
  const list = lists[page];
  return json({
    ...(page + 1 < lists.length && { nextToken: String(page + 1) }),
    crls: list
      ? [
          {
            ...{ crlId: UUID, crlArn: 'arn', name: list.name, enabled: list.enabled },
            ...{ crlData: list.data.toString('base64'), trustAnchorArn: list.trustAnchorArn },
          },
        ]
      : [],
  });
}

function roleXml({ maxSessionDuration, trustPolicy }: NonNullable<FakeAccount['role']>): string {
  const document = encodeURIComponent(JSON.stringify(trustPolicy));
  return `<Role><Path>/fleet/</Path><RoleName>device</RoleName><RoleId>AROA</RoleId><Arn>${ARNS.roleArn}</Arn>
    <CreateDate>2026-01-01T00:00:00Z</CreateDate><AssumeRolePolicyDocument>${document}</AssumeRolePolicyDocument>
    <MaxSessionDuration>${maxSessionDuration}</MaxSessionDuration></Role>`;
}

function xml(action: string, result: string): HttpAnswer {
  const body = `<${action}Response xmlns="https://example.com/"><${action}Result>${result}</${action}Result>
    <ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></${action}Response>`;
  return { status: 200, headers: { 'content-type': 'text/xml', 'x-amzn-requestid': 'r' }, body };
}

function json(value: object): HttpAnswer {
  const headers = { 'content-type': 'application/json', 'x-amzn-requestid': 'r' };
  return { status: 200, headers, body: JSON.stringify(value) };
}

function xmlError(status: number, code: string, message: string): HttpAnswer {
  const error = `<Error><Type>Sender</Type><Code>${code.replace(/Exception$/, '')}</Code><Message>${message}</Message></Error>`;
  const body = `<ErrorResponse xmlns="https://example.com/">${error}<RequestId>r</RequestId></ErrorResponse>`;
  return { status, headers: { 'content-type': 'text/xml', 'x-amzn-requestid': 'r' }, body };
}

function jsonError(status: number, code: string, message: string): HttpAnswer {
  const headers = { 'content-type': 'application/json', 'x-amzn-errortype': code, 'x-amzn-requestid': 'r' };
  return { status, headers, body: JSON.stringify({ message }) };
}

export interface ServedAccount {
  readonly url: string;
  readonly close: () => void;
}

/** On a free port of this machine. The path of a request chooses the account. */
export async function serveAccount(accountAt: (path: string) => FakeAccount): Promise<ServedAccount> {
  const server = createServer((incoming, outgoing) => {
    void text(incoming).then((body) => {
      const method = incoming.method === 'POST' ? 'POST' : 'GET';
      const asked = { url: `http://127.0.0.1${incoming.url ?? '/'}`, method, headers: {}, body } as const;
      const { status, headers, body: answer } = answerOf(accountAt(incoming.url ?? '/'), asked);
      outgoing.writeHead(status, headers).end(answer);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
