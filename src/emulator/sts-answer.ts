import { isoSeconds } from '../foundation/clock.ts';
import type { IssuedSession } from './issued-sessions.ts';
import { accountOf, type RoleSession } from './role-session.ts';
import { headerText, type WireReply } from './wire-reply.ts';

const NAMESPACE = 'https://sts.amazonaws.com/doc/2011-06-15/';

/** An error of STS, in its own words. STS never reveals `detail`. */
export class StsError extends Error {
  readonly code: string;
  readonly status: number;
  readonly detail: string;
  /** Whether the wording was documented or observed. Otherwise it is the emulator's own. */
  readonly verified: boolean;

  constructor(code: string, status: number, message: string, detail: string, verified = true) {
    super(message);
    this.code = code;
    this.status = status;
    this.detail = detail;
    this.verified = verified;
  }
}

export function callerIdentityReply({ arn, assumedRoleId }: RoleSession, requestId: string): WireReply {
  const result = elements({ Arn: arn, UserId: assumedRoleId, Account: accountOf(arn) });
  return actionReply('GetCallerIdentity', result, requestId);
}

export function assumeRoleReply(
  session: IssuedSession,
  packedPolicySize: number | undefined,
  requestId: string,
): WireReply {
  const credentials = elements({
    AccessKeyId: session.accessKeyId,
    SecretAccessKey: session.secretAccessKey.reveal(),
    SessionToken: session.sessionToken.reveal(),
    Expiration: isoSeconds(session.expiration),
  });
  const user = elements({ AssumedRoleId: session.assumedRoleId, Arn: session.arn });
  const more = elements({
    PackedPolicySize: packedPolicySize === undefined ? undefined : String(packedPolicySize),
    SourceIdentity: session.sourceIdentity,
  });
  const result = element('AssumedRoleUser', user) + element('Credentials', credentials) + more;
  return actionReply('AssumeRole', result, requestId);
}

function actionReply(action: string, result: string, requestId: string): WireReply {
  const metadata = element('ResponseMetadata', element('RequestId', requestId));
  return xmlReply(200, `${action}Response`, element(`${action}Result`, result) + metadata);
}

function elements(values: Readonly<Record<string, string | undefined>>): string {
  return Object.entries(values)
    .map(([name, value]) => (value === undefined ? '' : element(name, xml(value))))
    .join('');
}

export function stsErrorReply(error: StsError, requestId: string): WireReply {
  const type = element('Type', error.status < 500 ? 'Sender' : 'Receiver');
  const inner = type + element('Code', error.code) + element('Message', xml(error.message));
  const reply = xmlReply(error.status, 'ErrorResponse', element('Error', inner) + element('RequestId', requestId));
  const unverified = error.verified ? {} : { 'x-emulator-unverified': 'wording' };
  return { ...reply, headers: { ...reply.headers, 'x-emulator-detail': headerText(error.detail), ...unverified } };
}

function xmlReply(status: number, root: string, content: string): WireReply {
  return {
    status,
    headers: { 'Content-Type': 'text/xml' },
    body: `<${root} xmlns="${NAMESPACE}">${content}</${root}>`,
  };
}

export function element(name: string, content: string): string {
  return `<${name}>${content}</${name}>`;
}

export function xml(text: string): string {
  return text.replace(/[<>&"']/g, (char) => `&#${char.charCodeAt(0)};`);
}
