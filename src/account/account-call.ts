// Signed calls that read an account. None of them changes anything.
import type { RolesAnywhereConfig } from '../config/config.ts';
import { isLoopback } from '../foundation/address.ts';
import { asCodedError } from '../foundation/errors.ts';
import type { Environment } from '../foundation/process-environment.ts';
import { elementIn, textIn } from '../foundation/xml-text.ts';
import type { Arn } from '../rolesanywhere/arn.ts';
import { dnsSuffix, overriddenUrl, sessionsUrl } from '../rolesanywhere/endpoint.ts';
import { readRefusal, type Refusal, statedRefusal } from '../rolesanywhere/refusal-answer.ts';
import type { HttpAnswer, HttpRequest, Send } from '../rolesanywhere/send.ts';
import { canonicalQuery, encodeRfc3986 } from '../rolesanywhere/sigv4.ts';
import { stsUrl } from '../sts/endpoint.ts';
import { FORM, formText } from '../sts/query-form.ts';
import { signedHeaders, type SigningKeys } from '../sts/signed-headers.ts';
import { accountError } from './account-errors.ts';

/** Where the services of one account are. */
export interface AccountPlace extends Pick<Arn, 'partition' | 'region'> {
  readonly rolesAnywhere: Pick<RolesAnywhereConfig, 'endpoint' | 'fips' | 'dualStack'>;
  /** AWS_ENDPOINT_URL_STS and AWS_ENDPOINT_URL_IAM override the names of those services, as in SDKs. */
  readonly environment: Environment;
}

export interface AccountMeans {
  readonly keys: SigningKeys;
  readonly send: Send;
  readonly now: () => number;
  readonly signal: AbortSignal;
}

/** One operation that reads something. */
export interface ReadOperation {
  /** As policies name it. */
  readonly action: string;
  readonly request: Pick<HttpRequest, 'url' | 'method' | 'body'> & { readonly query: Readonly<Record<string, string>> };
  readonly scope: { readonly service: string; readonly region: string };
}

export function rolesAnywhereRead(
  place: AccountPlace,
  action: string,
  path: readonly string[],
  query: Readonly<Record<string, string>> = {},
): ReadOperation {
  const sessions = sessionsUrl(place.rolesAnywhere, place);
  sessions.pathname = sessions.pathname.replace(/sessions$/, path.map(encodeRfc3986).join('/'));
  return {
    action: `rolesanywhere:${action}`,
    request: { url: sessions.href, method: 'GET', body: '', query },
    scope: { service: 'rolesanywhere', region: place.region },
  };
}

export function callerIdentityRead(place: AccountPlace): ReadOperation {
  const { partition, region, rolesAnywhere } = place;
  const { fips, dualStack } = rolesAnywhere;
  const endpoint = overrideFor('STS', place);
  const url = stsUrl({ partition, region, ...(endpoint === undefined ? { fips, dualStack } : { ...PLAIN, endpoint }) });
  return formRead('GetCallerIdentity', { Version: '2011-06-15' }, { url, scope: { service: 'sts', region } });
}

const PLAIN = { fips: false, dualStack: false };

export function roleRead(place: AccountPlace, roleName: string): ReadOperation {
  const parameters = { Version: '2010-05-08', RoleName: roleName };
  return formRead('GetRole', parameters, iamPlace(place, overrideFor('IAM', place)));
}

function overrideFor(service: string, { environment, rolesAnywhere: { endpoint } }: AccountPlace): string | undefined {
  const named = environment[`AWS_ENDPOINT_URL_${service}`] || environment['AWS_ENDPOINT_URL'];
  if (named) return named;
  // An emulator, which answers for all services: its keys must not reach AWS.
  return endpoint !== undefined && URL.canParse(endpoint) && isLoopback(new URL(endpoint).hostname)
    ? endpoint
    : undefined;
}

type FormPlace = Pick<ReadOperation, 'scope'> & { readonly url: URL };

function iamPlace({ partition, region }: AccountPlace, endpoint: string | undefined): FormPlace {
  const { host = `iam.${region}`, signing = region } = IAM[partition] ?? {};
  const own = `https://${host}.${dnsSuffix(partition, false)}/`;
  return {
    url: endpoint === undefined ? new URL(own) : overriddenUrl(endpoint, ''),
    scope: { service: 'iam', region: signing },
  };
}

/** IAM is global: each partition has one endpoint, and one region for signatures (the rules of endpoints of SDKs). */
const IAM: Readonly<Record<string, { readonly host: string; readonly signing: string }>> = {
  aws: { host: 'iam', signing: 'us-east-1' },
  'aws-cn': { host: 'iam.cn-north-1', signing: 'cn-north-1' },
  'aws-us-gov': { host: 'iam.us-gov', signing: 'us-gov-west-1' },
  'aws-iso': { host: 'iam.us-iso-east-1', signing: 'us-iso-east-1' },
};

function formRead(
  action: string,
  parameters: Readonly<Record<string, string>>,
  { url, scope }: FormPlace,
): ReadOperation {
  const body = formText(Object.entries({ Action: action, ...parameters }));
  return { action: `${scope.service}:${action}`, request: { url: url.href, method: 'POST', body, query: {} }, scope };
}

/** Nothing can be said about what was to be read, or it does not exist. */
export type NotRead = { readonly missing: true } | { readonly unread: Error & { readonly code: string } };

/** The answer of one call, or why there is none. Never rejects. */
export async function readBy(
  { action, request, scope }: ReadOperation,
  { keys, send, now, signal }: AccountMeans,
): Promise<{ readonly answer: HttpAnswer } | NotRead> {
  try {
    const { url, method, body, query } = request;
    const { host, pathname } = new URL(url);
    const unsigned = method === 'POST' ? { 'content-type': FORM, host } : { host };
    const signing = { method, path: pathname, query, headers: unsigned, body };
    const headers = signedHeaders(signing, keys, { ...scope, now: now() });
    const search = canonicalQuery(query);
    const answer = await send({ url: search === '' ? url : `${url}?${search}`, method, headers, body }, signal);
    return answer.status === 200 ? { answer } : refusedRead(action, answer);
  } catch (error) {
    return { unread: asCodedError(error) };
  }
}

/** `ErrorResponse` of the query protocol, or the JSON of Roles Anywhere. */
function refusedRead(action: string, answer: HttpAnswer): NotRead {
  const error = elementIn(answer.body, 'Error');
  const refusal: Refusal =
    error === undefined
      ? readRefusal(answer)
      : statedRefusal(answer, textIn(error, 'Code') ?? '', textIn(error, 'Message') ?? '');
  const { type, text } = refusal;
  if (/^(?:ResourceNotFoundException|NoSuchEntity(?:Exception)?)$/.test(type)) return { missing: true };
  if (/^AccessDenied|^UnauthorizedOperation$/.test(type))
    return { unread: accountError('ACCOUNT_READ_DENIED', `${action} is not allowed: ${text}`) };
  if (/^(?:ExpiredToken|InvalidClientTokenId|UnrecognizedClient|InvalidSignature|SignatureDoesNotMatch)/.test(type))
    return { unread: accountError('ACCOUNT_KEYS_REFUSED', `${action}: ${text}`) };
  return { unread: accountError('ACCOUNT_NOT_READ', `${action}: ${text}`) };
}
