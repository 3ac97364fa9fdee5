import { headerText, type WireReply } from './wire-reply.ts';

const NAMESPACE = 'https://sts.amazonaws.com/doc/2011-06-15/';

/** An error of STS, in its own words. STS never reveals `detail`. */
export class StsError extends Error {
  readonly code: string;
  readonly status: number;
  readonly detail: string;

  constructor(code: string, status: number, message: string, detail: string) {
    super(message);
    this.code = code;
    this.status = status;
    this.detail = detail;
  }
}

export interface CallerIdentity {
  readonly arn: string;
  readonly userId: string;
  readonly account: string;
}

export function callerIdentityReply({ arn, userId, account }: CallerIdentity, requestId: string): WireReply {
  const result = element('Arn', xml(arn)) + element('UserId', xml(userId)) + element('Account', xml(account));
  const metadata = element('ResponseMetadata', element('RequestId', requestId));
  return xmlReply(200, 'GetCallerIdentityResponse', element('GetCallerIdentityResult', result) + metadata);
}

export function stsErrorReply(error: StsError, requestId: string): WireReply {
  const type = element('Type', error.status < 500 ? 'Sender' : 'Receiver');
  const inner = type + element('Code', error.code) + element('Message', xml(error.message));
  const reply = xmlReply(error.status, 'ErrorResponse', element('Error', inner) + element('RequestId', requestId));
  return { ...reply, headers: { ...reply.headers, 'x-emulator-detail': headerText(error.detail) } };
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
