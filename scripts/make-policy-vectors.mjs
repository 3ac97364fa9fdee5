// Writes test/vectors/policy-decisions.jsonl: requests and policies, with what an evaluator that shares nothing with
// src/iam decides about them. That evaluator is AGPL, so it is neither a dependency nor part of the product:
//
//     npm install --prefix /tmp/peer @cloud-copilot/iam-simulate@0.1.173
//     node scripts/make-policy-vectors.mjs /tmp/peer
//
// The cases are the same in every run. test/iam/policy-decisions.test.ts explains where the two differ, and why.
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const ACCOUNT = '111122223333';
const OTHER_ACCOUNT = '444455556666';
const ROLE = `arn:aws:iam::${ACCOUNT}:role/runner`;
const SESSION = `arn:aws:sts::${ACCOUNT}:assumed-role/runner/5a01`;
const TARGET = `arn:aws:iam::${ACCOUNT}:role/target`;
const OBJECT = 'arn:aws:s3:::artifacts/build/1';
const GET = 's3:GetObject';

const document = (...statements) => ({ Version: '2012-10-17', Statement: statements });
const allow = (more = {}) => ({ Effect: 'Allow', Action: GET, Resource: '*', ...more });

/** One line of the file. `policies` has identity, boundary, session and resource, if there are any. */
const caseOf = (name, policies, request = {}) => ({
  name,
  request: { action: GET, resource: OBJECT, context: {}, ...request },
  policies,
});

// Every operator, with both set operators and IfExists, for a value that matches, one that does not, and none.
const OPERANDS = [
  {
    operators: ['StringEquals', 'StringNotEquals'],
    key: 'aws:PrincipalTag/team',
    wanted: ['edge', 'core'],
    hit: 'edge',
    miss: 'Edge',
  },
  {
    operators: ['StringEqualsIgnoreCase', 'StringNotEqualsIgnoreCase'],
    key: 'aws:PrincipalTag/team',
    wanted: 'EDGE',
    hit: 'edge',
    miss: 'edges',
  },
  {
    operators: ['StringLike', 'StringNotLike'],
    key: 'aws:PrincipalTag/team',
    wanted: ['e?ge', 'core-*'],
    hit: 'core-1',
    miss: 'eddge',
  },
  {
    operators: ['ArnEquals', 'ArnNotEquals', 'ArnLike', 'ArnNotLike'],
    key: 'aws:SourceArn',
    wanted: 'arn:aws:sns:*:111122223333:t*',
    hit: 'arn:aws:sns:eu-west-1:111122223333:t:1',
    miss: 'arn:aws:sns:eu-west-1:444455556666:t:111122223333:t',
  },
  {
    operators: ['NumericEquals', 'NumericNotEquals', 'NumericLessThanEquals', 'NumericGreaterThanEquals'],
    key: 's3:max-keys',
    wanted: '10',
    hit: '10',
    miss: '10.5',
  },
  { operators: ['NumericLessThan', 'NumericGreaterThan'], key: 's3:max-keys', wanted: '10', hit: '9', miss: '11' },
  {
    operators: ['DateEquals', 'DateNotEquals', 'DateLessThanEquals', 'DateGreaterThanEquals'],
    key: 'aws:CurrentTime',
    wanted: '2026-11-30T12:00:00Z',
    hit: '2026-11-30T12:00:00Z',
    miss: '2026-11-30T12:00:01Z',
  },
  {
    operators: ['DateLessThan', 'DateGreaterThan'],
    key: 'aws:CurrentTime',
    wanted: '2026-11-30T12:00:00Z',
    hit: '2026-11-30T11:59:59Z',
    miss: '2027-01-01T00:00:00Z',
  },
  { operators: ['Bool'], key: 'aws:SecureTransport', wanted: 'true', hit: 'true', miss: 'false' },
  {
    operators: ['IpAddress', 'NotIpAddress'],
    key: 'aws:SourceIp',
    wanted: ['10.0.0.0/8', '2001:db8::/32'],
    hit: '10.20.30.40',
    miss: '11.0.0.1',
  },
  { operators: ['BinaryEquals'], key: 'aws:PrincipalTag/blob', wanted: 'QmluYXJ5', hit: 'QmluYXJ5', miss: 'QmluYXJ6' },
];

function conditionCases() {
  return OPERANDS.flatMap(({ operators, key, wanted, hit, miss }) =>
    operators.flatMap((operator) =>
      ['', 'ForAnyValue:', 'ForAllValues:'].flatMap((prefix) =>
        ['', 'IfExists'].flatMap((suffix) =>
          Object.entries({ hit, miss, absent: undefined }).map(([situation, value]) => {
            const condition = { [prefix + operator + suffix]: { [key]: wanted } };
            const context = value === undefined ? {} : { [key]: value };
            const name = `condition ${prefix}${operator}${suffix} ${situation}`;
            return caseOf(name, { identity: [document(allow({ Condition: condition }))] }, { context });
          }),
        ),
      ),
    ),
  );
}

/** [name, condition, context] */
const CONDITIONS = [
  [
    'several values of a set, one of them',
    { 'ForAnyValue:StringEquals': { 'aws:TagKeys': ['a', 'z'] } },
    { 'aws:TagKeys': ['a', 'b'] },
  ],
  [
    'several values of a set, none of them',
    { 'ForAnyValue:StringEquals': { 'aws:TagKeys': 'z' } },
    { 'aws:TagKeys': ['a', 'b'] },
  ],
  [
    'all values of a set',
    { 'ForAllValues:StringEquals': { 'aws:TagKeys': ['a', 'b', 'c'] } },
    { 'aws:TagKeys': ['a', 'b'] },
  ],
  ['not all values of a set', { 'ForAllValues:StringEquals': { 'aws:TagKeys': 'a' } }, { 'aws:TagKeys': ['a', 'b'] }],
  [
    'any value of a set differs',
    { 'ForAnyValue:StringNotEquals': { 'aws:TagKeys': 'a' } },
    { 'aws:TagKeys': ['a', 'b'] },
  ],
  [
    'no value of a set differs',
    { 'ForAnyValue:StringNotEquals': { 'aws:TagKeys': ['a', 'b'] } },
    { 'aws:TagKeys': ['a', 'b'] },
  ],
  [
    'all values of a set differ',
    { 'ForAllValues:StringNotLike': { 'aws:TagKeys': 'z*' } },
    { 'aws:TagKeys': ['a', 'b'] },
  ],
  [
    'not all values of a set differ',
    { 'ForAllValues:StringNotLike': { 'aws:TagKeys': 'a*' } },
    { 'aws:TagKeys': ['a', 'b'] },
  ],
  ['all values of an empty set', { 'ForAllValues:StringEquals': { 'aws:TagKeys': 'a' } }, { 'aws:TagKeys': [] }],
  ['any value of an empty set', { 'ForAnyValue:StringEquals': { 'aws:TagKeys': 'a' } }, { 'aws:TagKeys': [] }],
  [
    'any value of an empty set, IfExists',
    { 'ForAnyValue:StringEqualsIfExists': { 'aws:TagKeys': 'a' } },
    { 'aws:TagKeys': [] },
  ],
  [
    'two operators, both true',
    { StringEquals: { 'aws:PrincipalTag/team': 'a' }, Bool: { 'aws:SecureTransport': 'true' } },
    { 'aws:PrincipalTag/team': 'a', 'aws:SecureTransport': 'true' },
  ],
  [
    'two operators, one true',
    { StringEquals: { 'aws:PrincipalTag/team': 'a' }, Bool: { 'aws:SecureTransport': 'true' } },
    { 'aws:PrincipalTag/team': 'a', 'aws:SecureTransport': 'false' },
  ],
  [
    'two keys, both true',
    { StringEquals: { 'aws:PrincipalTag/a': '1', 'aws:PrincipalTag/b': '2' } },
    { 'aws:PrincipalTag/a': '1', 'aws:PrincipalTag/b': '2' },
  ],
  [
    'two keys, one true',
    { StringEquals: { 'aws:PrincipalTag/a': '1', 'aws:PrincipalTag/b': '2' } },
    { 'aws:PrincipalTag/a': '1', 'aws:PrincipalTag/b': '3' },
  ],
  ['a key in another case', { StringEquals: { 'AWS:principaltag/TEAM': 'a' } }, { 'aws:PrincipalTag/team': 'a' }],
  ['Null true, absent', { Null: { 'aws:PrincipalTag/team': 'true' } }, {}],
  ['Null true, present', { Null: { 'aws:PrincipalTag/team': 'true' } }, { 'aws:PrincipalTag/team': 'a' }],
  ['Null false, absent', { Null: { 'aws:PrincipalTag/team': 'false' } }, {}],
  ['Null false, present', { Null: { 'aws:PrincipalTag/team': 'false' } }, { 'aws:PrincipalTag/team': 'a' }],
  ['Null with both', { Null: { 'aws:PrincipalTag/team': ['true', 'false'] } }, {}],
  ['Bool in another case', { Bool: { 'aws:SecureTransport': 'TRUE' } }, { 'aws:SecureTransport': 'true' }],
  ['Bool with a boolean', { Bool: { 'aws:SecureTransport': false } }, { 'aws:SecureTransport': 'false' }],
  ['StringEquals with a star', { StringEquals: { 'aws:PrincipalTag/team': 'a*' } }, { 'aws:PrincipalTag/team': 'ab' }],
  [
    'StringEquals with a star for a star',
    { StringEquals: { 'aws:PrincipalTag/team': 'a*' } },
    { 'aws:PrincipalTag/team': 'a*' },
  ],
  [
    'StringLike over a slash and a line',
    { StringLike: { 'aws:PrincipalTag/team': 'a*z' } },
    { 'aws:PrincipalTag/team': 'a/\n:z' },
  ],
  [
    'StringLike with regular expression characters',
    { StringLike: { 'aws:PrincipalTag/team': 'a.[b]+*' } },
    { 'aws:PrincipalTag/team': 'a.[b]+c' },
  ],
  ['StringLike with only a star for nothing', { StringLike: { 'aws:PrincipalTag/team': '*' } }, {}],
  [
    'ArnLike over a colon of the first parts',
    { ArnLike: { 'aws:SourceArn': 'arn:aws:sns:*:t' } },
    { 'aws:SourceArn': 'arn:aws:sns:eu-west-1:111122223333:t' },
  ],
  [
    'ArnEquals in another case',
    { ArnEquals: { 'aws:SourceArn': 'arn:aws:sns:eu-west-1:111122223333:T' } },
    { 'aws:SourceArn': 'arn:aws:sns:eu-west-1:111122223333:t' },
  ],
  [
    'ArnNotEquals of no ARN',
    { ArnNotEquals: { 'aws:SourceArn': 'arn:aws:sns:eu-west-1:111122223333:t' } },
    { 'aws:SourceArn': 'here' },
  ],
  ['NumericEquals of decimals', { NumericEquals: { 's3:max-keys': '10.0' } }, { 's3:max-keys': '10' }],
  ['NumericLessThan of negative numbers', { NumericLessThan: { 's3:max-keys': '0' } }, { 's3:max-keys': '-1' }],
  ['NumericEquals of no number', { NumericEquals: { 's3:max-keys': '10' } }, { 's3:max-keys': 'ten' }],
  [
    'DateLessThan in seconds',
    { DateLessThan: { 'aws:CurrentTime': '1796040000' } },
    { 'aws:CurrentTime': '2026-11-30T11:59:59Z' },
  ],
  [
    'DateGreaterThan of a day',
    { DateGreaterThan: { 'aws:CurrentTime': '2026-11-30' } },
    { 'aws:CurrentTime': '2026-11-30T00:00:01Z' },
  ],
  [
    'DateEquals of another zone',
    { DateEquals: { 'aws:CurrentTime': '2026-11-30T13:00:00+01:00' } },
    { 'aws:CurrentTime': '2026-11-30T12:00:00Z' },
  ],
  [
    'DateLessThan of the age of the session',
    { DateLessThan: { 'aws:TokenIssueTime': '2026-11-30T12:00:00Z' } },
    { 'aws:TokenIssueTime': '2026-11-30T10:00:00Z' },
  ],
  ['IpAddress of one host', { IpAddress: { 'aws:SourceIp': '10.0.0.1' } }, { 'aws:SourceIp': '10.0.0.1' }],
  ['IpAddress of another host', { IpAddress: { 'aws:SourceIp': '10.0.0.1' } }, { 'aws:SourceIp': '10.0.0.2' }],
  [
    'IpAddress at the end of a block',
    { IpAddress: { 'aws:SourceIp': '10.0.0.128/25' } },
    { 'aws:SourceIp': '10.0.0.255' },
  ],
  ['IpAddress before a block', { IpAddress: { 'aws:SourceIp': '10.0.0.128/25' } }, { 'aws:SourceIp': '10.0.0.127' }],
  ['IpAddress of version 6', { IpAddress: { 'aws:SourceIp': '2001:db8:1::/48' } }, { 'aws:SourceIp': '2001:db8:1::5' }],
  [
    'IpAddress of the other version',
    { IpAddress: { 'aws:SourceIp': '2001:db8::/32' } },
    { 'aws:SourceIp': '10.0.0.1' },
  ],
  [
    'NotIpAddress of the other version',
    { NotIpAddress: { 'aws:SourceIp': '2001:db8::/32' } },
    { 'aws:SourceIp': '10.0.0.1' },
  ],
  [
    'a variable',
    { StringEquals: { 'aws:PrincipalTag/team': '${aws:SourceIdentity}' } },
    { 'aws:PrincipalTag/team': 'a', 'aws:SourceIdentity': 'a' },
  ],
  [
    'a variable with another value',
    { StringEquals: { 'aws:PrincipalTag/team': '${aws:SourceIdentity}' } },
    { 'aws:PrincipalTag/team': 'a', 'aws:SourceIdentity': 'b' },
  ],
  [
    'a variable within text',
    { StringLike: { 'aws:PrincipalTag/path': '/${aws:PrincipalTag/team}/*' } },
    { 'aws:PrincipalTag/path': '/a/b', 'aws:PrincipalTag/team': 'a' },
  ],
  [
    'a variable whose value has a star',
    { StringLike: { 'aws:PrincipalTag/path': '${aws:SourceIdentity}' } },
    { 'aws:PrincipalTag/path': 'abc', 'aws:SourceIdentity': 'a*' },
  ],
  [
    'a variable without value',
    { StringEquals: { 'aws:PrincipalTag/team': '${aws:SourceIdentity}' } },
    { 'aws:PrincipalTag/team': 'a' },
  ],
  [
    'a variable without value, negated',
    { StringNotEquals: { 'aws:PrincipalTag/team': '${aws:SourceIdentity}' } },
    { 'aws:PrincipalTag/team': 'a' },
  ],
  [
    'a variable with a default',
    { StringEquals: { 'aws:PrincipalTag/team': "${aws:SourceIdentity, 'a'}" } },
    { 'aws:PrincipalTag/team': 'a' },
  ],
  [
    'a variable with a default and a value',
    { StringEquals: { 'aws:PrincipalTag/team': "${aws:SourceIdentity, 'a'}" } },
    { 'aws:PrincipalTag/team': 'a', 'aws:SourceIdentity': 'b' },
  ],
  ['an escaped star', { StringLike: { 'aws:PrincipalTag/team': 'a${*}' } }, { 'aws:PrincipalTag/team': 'a*' }],
  [
    'an escaped star for other text',
    { StringLike: { 'aws:PrincipalTag/team': 'a${*}' } },
    { 'aws:PrincipalTag/team': 'ab' },
  ],
  ['an escaped dollar', { StringEquals: { 'aws:PrincipalTag/team': '${$}{x}' } }, { 'aws:PrincipalTag/team': '${x}' }],
];

/** [what the statement has, action, resource, context] */
const ELEMENTS = [
  [{ Action: 's3:*' }],
  [{ Action: '*' }],
  [{ Action: 's3:Get*' }],
  [{ Action: 's3:get?bject' }],
  [{ Action: 'S3:GETOBJECT' }],
  [{ Action: 's3:GetObjec' }],
  [{ Action: 's3:*Object' }],
  [{ Action: 's3:*Bucket' }],
  [{ Action: ['s3:PutObject', 's3:GetObject'] }],
  [{ Action: undefined, NotAction: 's3:PutObject' }],
  [{ Action: undefined, NotAction: 's3:*' }],
  [{ Action: undefined, NotAction: ['s3:Put*', 's3:Get*'] }],
  [{ Action: undefined, NotAction: 'iam:*' }],
  [{ Resource: OBJECT }],
  [{ Resource: 'arn:aws:s3:::artifacts' }],
  [{ Resource: 'arn:aws:s3:::artifacts/*' }],
  [{ Resource: 'arn:aws:s3:::artifacts*' }],
  [{ Resource: 'arn:aws:s3:::*/1' }],
  [{ Resource: 'arn:aws:s3:::artifacts/*/1' }],
  [{ Resource: 'arn:aws:s3:::artifacts/build/?' }],
  [{ Resource: 'arn:aws:s3:::artifacts/build/??' }],
  [{ Resource: 'arn:aws:s3:::Artifacts/build/1' }],
  [{ Resource: 'arn:*:s3:::artifacts/*' }],
  [{ Resource: 'arn:aws:s3:*:*:artifacts/*' }],
  [{ Resource: ['arn:aws:s3:::other/*', OBJECT] }],
  [{ Resource: undefined, NotResource: 'arn:aws:s3:::other/*' }],
  [{ Resource: undefined, NotResource: 'arn:aws:s3:::artifacts/*' }],
  [{ Resource: undefined, NotResource: ['arn:aws:s3:::other/*', OBJECT] }],
  [{ Resource: 'arn:aws:s3:::artifacts/${aws:SourceIdentity}/*' }, GET, OBJECT, { 'aws:SourceIdentity': 'build' }],
  [{ Resource: 'arn:aws:s3:::artifacts/${aws:SourceIdentity}/*' }, GET, OBJECT, { 'aws:SourceIdentity': 'test' }],
  [{ Resource: 'arn:aws:s3:::artifacts/${aws:SourceIdentity}/*' }, GET, OBJECT, { 'aws:SourceIdentity': '*' }],
  [{ Resource: 'arn:aws:s3:::artifacts/${aws:SourceIdentity}/*' }],
  [{ Resource: "arn:aws:s3:::artifacts/${aws:SourceIdentity, 'build'}/*" }],
  [
    { Resource: 'arn:aws:s3:::${aws:PrincipalTag/x509Subject/CN}/*' },
    GET,
    OBJECT,
    { 'aws:PrincipalTag/x509Subject/CN': 'artifacts' },
  ],
  [
    { Resource: undefined, NotResource: 'arn:aws:s3:::artifacts/${aws:SourceIdentity}/*' },
    GET,
    OBJECT,
    { 'aws:SourceIdentity': 'build' },
  ],
  [
    { Resource: undefined, NotResource: 'arn:aws:s3:::artifacts/${aws:SourceIdentity}/*' },
    GET,
    OBJECT,
    { 'aws:SourceIdentity': 'x' },
  ],
  [
    { Action: 'sqs:SendMessage', Resource: 'arn:aws:sqs:*:111122223333:jobs' },
    'sqs:SendMessage',
    'arn:aws:sqs:eu-west-1:111122223333:jobs',
  ],
  [
    { Action: 'sqs:SendMessage', Resource: 'arn:aws:sqs:*:jobs' },
    'sqs:SendMessage',
    'arn:aws:sqs:eu-west-1:111122223333:jobs',
  ],
  [
    { Action: 'sqs:SendMessage', Resource: 'arn:aws:sqs:eu-west-1:*:jobs' },
    'sqs:SendMessage',
    'arn:aws:sqs:eu-west-1:111122223333:jobs',
  ],
  [
    { Action: 'sqs:SendMessage', Resource: 'arn:aws:sqs:*:*:x-${aws:PrincipalTag/t}' },
    'sqs:SendMessage',
    'arn:aws:sqs:eu-west-1:111122223333:x-1',
    { 'aws:PrincipalTag/t': '1' },
  ],
  [
    { Action: 'logs:PutLogEvents', Resource: 'arn:aws:logs:*:*:log-group:g:*' },
    'logs:PutLogEvents',
    'arn:aws:logs:eu-west-1:111122223333:log-group:g:log-stream:s',
  ],
  [
    { Action: 'logs:PutLogEvents', Resource: 'arn:aws:logs:*:*:log-group:g' },
    'logs:PutLogEvents',
    'arn:aws:logs:eu-west-1:111122223333:log-group:g:log-stream:s',
  ],
  [{ Action: 's3:ListAllMyBuckets' }, 's3:ListAllMyBuckets', '*'],
  [{ Action: 's3:ListAllMyBuckets', Resource: 'arn:aws:s3:::*' }, 's3:ListAllMyBuckets', '*'],
];

function elementCases() {
  return ELEMENTS.flatMap(([elements, action = GET, resource = OBJECT, context = {}], index) =>
    ['Allow', 'Deny'].map((effect) => {
      const statements = [
        allow({ Effect: effect, ...elements }),
        ...(effect === 'Deny' ? [allow({ Action: '*' })] : []),
      ];
      const name = `element ${effect} ${index} ${JSON.stringify(elements)}`;
      return caseOf(name, { identity: [document(...statements)] }, { action, resource, context });
    }),
  );
}

/** What a layer may say. */
const SAYS = {
  nothing: undefined,
  allows: document(allow()),
  'allows another': document(allow({ Action: 's3:PutObject' })),
  denies: document(allow(), allow({ Effect: 'Deny' })),
};
const PRINCIPALS = {
  nobody: undefined,
  session: { AWS: SESSION },
  role: { AWS: ROLE },
  account: { AWS: `arn:aws:iam::${ACCOUNT}:root` },
  anyone: '*',
  another: { AWS: `${ROLE}s` },
};

function layerCases() {
  const cases = [];
  for (const [identity, own] of Object.entries(SAYS))
    for (const [boundary, edge] of Object.entries(SAYS))
      for (const [session, passed] of Object.entries(SAYS))
        for (const [named, principal] of Object.entries(PRINCIPALS))
          for (const accountId of [ACCOUNT, OTHER_ACCOUNT])
            cases.push(
              caseOf(
                `layers identity ${identity}, boundary ${boundary}, session ${session}, resource for ${named}, ${accountId === ACCOUNT ? 'same' : 'other'} account`,
                {
                  ...(own && { identity: [own] }),
                  ...(edge && { boundary: edge }),
                  ...(passed && { session: passed }),
                  ...(principal && { resource: document(allow({ Principal: principal, Resource: OBJECT })) }),
                },
                { accountId },
              ),
            );
  return sample(cases, 180);
}

function trustCases() {
  const may = document({ Effect: 'Allow', Action: 'sts:AssumeRole', Resource: TARGET });
  const may2 = document({ Effect: 'Allow', Action: 'sts:TagSession', Resource: TARGET });
  const cases = Object.entries({ nothing: undefined, allows: may, 'allows another': may2 }).flatMap(([says, own]) =>
    Object.entries(PRINCIPALS).flatMap(([named, principal]) =>
      [ACCOUNT, OTHER_ACCOUNT].flatMap((accountId) =>
        [{}, { StringEquals: { 'sts:ExternalId': 'ticket' } }].map((condition, index) => {
          const statement = { Effect: 'Allow', Principal: principal, Action: 'sts:AssumeRole', Condition: condition };
          return caseOf(
            `trust identity ${says}, for ${named}${index === 1 ? ' with external id' : ''}, ${accountId === ACCOUNT ? 'same' : 'other'} account`,
            { ...(own && { identity: [own] }), trust: document(statement) },
            {
              action: 'sts:AssumeRole',
              resource: TARGET.replace(ACCOUNT, accountId),
              context: { 'sts:ExternalId': 'ticket' },
              accountId,
            },
          );
        }),
      ),
    ),
  );
  return cases.filter(({ policies }) => policies.trust.Statement[0].Principal !== undefined);
}

/** Documents of one to four statements at random. */
function randomCases(count) {
  const random = randomNumbers('documents');
  const pick = (list) => list[random() % list.length];
  const some = (list) => list.filter(() => random() % 3 === 0);
  const actions = ['s3:GetObject', 's3:PutObject', 's3:*', 's3:Get*', '*', 's3:?etObject', 'sqs:*'];
  const resources = [
    '*',
    OBJECT,
    'arn:aws:s3:::artifacts/*',
    'arn:aws:s3:::other/*',
    'arn:aws:s3:::artifacts/${aws:SourceIdentity}/*',
  ];
  const conditions = [
    {},
    {},
    { StringEquals: { 'aws:PrincipalTag/team': 'edge' } },
    { StringNotEquals: { 'aws:PrincipalTag/team': ['edge', 'core'] } },
    { StringLikeIfExists: { 'aws:SourceIdentity': 'b*' } },
    { Null: { 'aws:PrincipalTag/team': 'true' } },
    { IpAddress: { 'aws:SourceIp': '10.0.0.0/8' } },
    { Bool: { 'aws:SecureTransport': 'false' } },
    { DateLessThan: { 'aws:CurrentTime': '2026-12-01T00:00:00Z' } },
    { 'ForAllValues:StringLike': { 'aws:TagKeys': ['a*', 'b'] } },
  ];
  const context = () => ({
    ...pick([{}, { 'aws:PrincipalTag/team': 'edge' }, { 'aws:PrincipalTag/team': 'dev' }]),
    ...pick([{}, { 'aws:SourceIdentity': 'build' }, { 'aws:SourceIdentity': 'x' }]),
    ...pick([{}, { 'aws:SourceIp': '10.1.1.1' }, { 'aws:SourceIp': '192.168.0.1' }]),
    ...pick([{}, { 'aws:TagKeys': ['ab', 'b'] }, { 'aws:TagKeys': ['c'] }]),
    'aws:SecureTransport': pick(['true', 'false']),
    'aws:CurrentTime': pick(['2026-11-30T12:00:00Z', '2026-12-02T12:00:00Z']),
  });
  const listed = (element, list) => ({ [pick([element, element, `Not${element}`])]: [pick(list), ...some(list)] });
  const statement = () => ({
    Effect: pick(['Allow', 'Allow', 'Deny']),
    ...listed('Action', actions),
    ...listed('Resource', resources),
    Condition: pick(conditions),
  });
  const policy = () => document(...Array.from({ length: 1 + (random() % 4) }, statement));
  return Array.from({ length: count }, (_, index) =>
    caseOf(
      `random ${index}`,
      { identity: [policy(), policy()], ...(random() % 3 === 0 && { boundary: policy() }) },
      { context: context() },
    ),
  );
}

/** A fixed sequence, so that the file changes only with the cases. */
function randomNumbers(seed) {
  let count = 0;
  return () => createHash('sha256').update(`${seed}${count++}`).digest().readUInt32BE();
}

function sample(list, count) {
  const random = randomNumbers('sample');
  return list
    .map((item) => [random(), item])
    .sort(([left], [right]) => left - right)
    .slice(0, count)
    .map(([, item]) => item);
}

const RESULTS = { Allowed: 'allowed', ImplicitlyDenied: 'denied', ExplicitlyDenied: 'explicitly denied' };

async function peerIn(directory) {
  const root = path.resolve(directory, 'node_modules/@cloud-copilot/iam-simulate');
  const { version } = JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8'));
  const { runSimulation, runUnsafeSimulation } = await import(pathToFileURL(path.join(root, 'dist/esm/index.js')).href);
  const decide = async ({ request, policies }) => {
    const { identity = [], boundary, session, resource, trust } = policies;
    const simulation = {
      request: {
        principal: SESSION,
        action: request.action,
        resource: { resource: request.resource, accountId: request.accountId ?? ACCOUNT },
        contextVariables: { 'aws:PrincipalArn': ROLE, 'aws:PrincipalAccount': ACCOUNT, ...request.context },
      },
      identityPolicies: identity.map((policy, index) => ({ name: `p${index}`, policy })),
      serviceControlPolicies: [],
      resourceControlPolicies: [],
      resourcePolicy: resource ?? trust,
      ...(boundary && { permissionBoundaryPolicies: [{ name: 'boundary', policy: boundary }] }),
    };
    // The unvalidated form knows no session and no resource policies.
    if (!session && !simulation.resourcePolicy) return RESULTS[runUnsafeSimulation(simulation, {})];
    const result = await runSimulation({ ...simulation, ...(session && { sessionPolicy: session }) }, {});
    return RESULTS[result.overallResult] ?? JSON.stringify(result);
  };
  return { name: `@cloud-copilot/iam-simulate ${version}`, decide };
}

const [directory] = process.argv.slice(2);
if (directory === undefined) throw new Error('usage: node scripts/make-policy-vectors.mjs DIRECTORY');
const peer = await peerIn(directory);
const cases = [
  ...sample(conditionCases(), 260),
  ...CONDITIONS.map(([name, condition, context]) =>
    caseOf(`condition: ${name}`, { identity: [document(allow({ Condition: condition }))] }, { context }),
  ),
  ...elementCases(),
  ...layerCases(),
  ...trustCases(),
  ...randomCases(150),
];
const lines = [];
for (const one of cases) lines.push({ ...one, decided: await peer.decide(one) });
const head = { decidedBy: peer.name, principal: { roleArn: ROLE, sessionArn: SESSION } };
const text = [head, ...lines].map((line) => `${JSON.stringify(line)}\n`).join('');
await writeFile(path.resolve(import.meta.dirname, '../test/vectors/policy-decisions.jsonl'), text);
console.log(`${lines.length} cases decided by ${peer.name}`);
