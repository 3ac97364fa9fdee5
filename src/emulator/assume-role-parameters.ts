// STS API Reference, AssumeRole. The sentences are those that were recorded from the service.
import { type PolicyDocument } from '../iam/policy-document.ts';
import { parsePolicyJson } from '../iam/policy-json.ts';
import { unknownKeys } from './account/condition-keys.ts';
import {
  memberProblem,
  optional,
  required,
  text,
  tooLarge,
  validationSentence,
  wholeNumber,
} from './member-constraint.ts';
import { StsError } from './sts-answer.ts';

/** The parameters of an AssumeRole, each valid by itself. */
export interface AssumeRoleParameters {
  readonly roleArn: string;
  readonly sessionName: string;
  readonly durationSeconds: number;
  readonly externalId: string | undefined;
  readonly sourceIdentity: string | undefined;
  readonly tags: ReadonlyMap<string, string>;
  readonly transitiveTagKeys: readonly string[];
  /** Undefined without a session policy. `text` is as written, for its size. */
  readonly policy: { readonly document: PolicyDocument; readonly text: string } | undefined;
  readonly policyArns: readonly string[];
}

type Form = ReadonlyMap<string, string>;

const NAME = /^[\w+=,.@-]*$/;
const NAME_SHOWN = '[\\w+=,.@-]*';
const TAG = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u;
const TAG_SHOWN = '[\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*';
const ANY = /^[^]*$/;

/** Of single members. Those that the emulator cannot judge are in {@link UNSUPPORTED}. */
const CHECKS = {
  RoleArn: required(text(20, 2048, ANY)),
  RoleSessionName: required(text(2, 64, NAME, NAME_SHOWN)),
  DurationSeconds: optional(wholeNumber(900, 43_200)),
  ExternalId: optional(text(2, 1224, /^[\w+=,.@:/-]*$/, '[\\w+=,.@:\\/-]*')),
  SourceIdentity: optional(text(2, 64, NAME, NAME_SHOWN)),
  Policy: optional(text(1, Infinity, /^[\t\n\r\u0020-\u00ff]*$/, '[\\u0009\\u000A\\u000D\\u0020-\\u00FF]+')),
};
const UNSUPPORTED = ['SerialNumber', 'TokenCode', 'ProvidedContexts.member.1.ProviderArn'];
const ROLE_ARN = /^arn:aws[a-z-]*:iam::\d{12}:role\/\S+$/;

/** @throws StsError */
export function readAssumeRole(form: Form): AssumeRoleParameters {
  const tags = tagsIn(form);
  const transitiveTagKeys = membersIn(form, 'TransitiveTagKeys', '');
  const policyArns = membersIn(form, 'PolicyArns', '.arn');
  requireMembers(form, tags, { transitiveTagKeys, policyArns });
  const roleArn = form.get('RoleArn') ?? '';
  if (!ROLE_ARN.test(roleArn)) throw invalid('ValidationError', `${roleArn} is invalid`);
  requireTagKeys(tags, transitiveTagKeys);
  return {
    roleArn,
    sessionName: form.get('RoleSessionName') ?? '',
    durationSeconds: Number(form.get('DurationSeconds') ?? 3600),
    externalId: form.get('ExternalId'),
    sourceIdentity: form.get('SourceIdentity'),
    tags: new Map(tags),
    transitiveTagKeys,
    policy: policyIn(form.get('Policy')),
    policyArns,
  };
}

type Tags = readonly [key: string, value: string][];

/** Lists are written `Tags.member.1.Key`, from 1 and without gaps. */
function membersIn(form: Form, list: string, field: string): string[] {
  const values: string[] = [];
  for (let value = form.get(`${list}.member.1${field}`); value !== undefined;) {
    values.push(value);
    value = form.get(`${list}.member.${values.length + 1}${field}`);
  }
  return values;
}

function tagsIn(form: Form): Tags {
  return membersIn(form, 'Tags', '.Key').map((key, index) => [key, form.get(`Tags.member.${index + 1}.Value`) ?? '']);
}

function requireMembers(form: Form, tags: Tags, lists: Readonly<Record<string, readonly string[]>>): void {
  const unsupported = UNSUPPORTED.find((name) => form.has(name));
  if (unsupported)
    throw new StsError(
      'ValidationError',
      400,
      `${unsupported} is not supported`,
      'the emulator has no MFA and no context providers',
      false,
    );
  const single = Object.entries(CHECKS).flatMap(([name, check]) => {
    const value = form.get(name);
    const isNumber = name === 'DurationSeconds' && value !== undefined && /^\d+$/.test(value);
    return memberProblem(name.replace(/^./, lower), isNumber ? Number(value) : value, check);
  });
  const ofTags = tags.flatMap(([key, value], index) => [
    ...memberProblem(`tags.${index + 1}.member.key`, key, text(1, 128, TAG, TAG_SHOWN)),
    ...memberProblem(`tags.${index + 1}.member.value`, value, text(0, 256, TAG, TAG_SHOWN)),
  ]);
  const counts = [
    ...tooMany('tags', tags, 50),
    ...tooMany('transitiveTagKeys', lists['transitiveTagKeys'] ?? [], 50),
    ...tooMany('policyArns', lists['policyArns'] ?? [], 10),
  ];
  const problems = [...single, ...ofTags, ...counts];
  if (problems.length > 0) throw invalid('ValidationError', validationSentence(problems));
}

function tooMany(name: string, list: readonly unknown[], most: number): string[] {
  return memberProblem(name, list, () => tooLarge(list.length, most, 'length'));
}

function lower(letter: string): string {
  return letter.toLowerCase();
}

function requireTagKeys(tags: Tags, transitiveTagKeys: readonly string[]): void {
  const keys = tags.map(([key]) => key.toLowerCase());
  if (new Set(keys).size < keys.length)
    throw invalid('InvalidParameterValue', 'Duplicate tag keys found. Please note that Tag keys are case insensitive.');
  if (transitiveTagKeys.some((key) => !keys.includes(key.toLowerCase())))
    throw invalid('InvalidParameterValue', 'The specified transitive tag key must be included in the requested tags.');
  if (keys.some((key) => key.startsWith('aws:')))
    throw new StsError('InvalidParameterValue', 400, 'Tag keys must not start with aws:', 'aws: is reserved', false);
}

/** The service answers with the text of its JSON parser, which is another one here. */
function policyIn(written: string | undefined): AssumeRoleParameters['policy'] {
  if (written === undefined) return undefined;
  const parsed = parsePolicyJson(written);
  const unknown = 'document' in parsed ? unknownKeys(parsed.document) : [];
  if ('document' in parsed && unknown.length === 0) return { document: parsed.document, text: written };
  if ('document' in parsed) throw malformed('Unknown condition keys', unknown.join(', '));
  throw malformed(parsed.isJson ? 'Syntax errors in policy.' : parsed.problem, parsed.problem);
}

function malformed(message: string, detail: string): StsError {
  return new StsError('MalformedPolicyDocument', 400, message, detail, false);
}

function invalid(code: string, message: string): StsError {
  return new StsError(code, 400, message, message);
}
