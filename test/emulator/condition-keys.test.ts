import { readFileSync } from 'node:fs';
import path from 'node:path';
import * as v from 'valibot';
import { expect, it } from 'vitest';
import { unknownKeys } from '../../src/emulator/account/condition-keys.ts';
import { contextOf, sessionOfRole } from '../../src/emulator/role-session.ts';
import { permissionsPolicySchema, type PolicyDocument } from '../../src/iam/policy-document.ts';

const role = {
  arn: 'arn:aws:iam::111122223333:role/r',
  maxSessionDuration: 3600,
  tags: new Map([['team', 'edge']]),
  trustPolicy: { statements: [] },
  policies: [],
  permissionsBoundary: undefined,
};
const session = sessionOfRole(
  role,
  { sessionName: 's', durationSeconds: 3600, now: 0, grantSeconds: undefined },
  { sourceIdentity: 'x', tags: new Map(), transitiveTagKeys: [], sessionPolicies: [] },
);

function conditionOn(keys: readonly string[]): PolicyDocument {
  const condition = { Null: Object.fromEntries(keys.map((key) => [key, 'true'])) };
  const statement = { Effect: 'Allow', Action: '*', Resource: '*', Condition: condition };
  return v.parse(permissionsPolicySchema, { Statement: statement });
}

it('policies may ask for every key that a session brings along', () => {
  const context = contextOf(session, { now: 0, region: 'eu-west-1', sourceIp: '127.0.0.1', userAgent: 'test' });
  expect(unknownKeys(conditionOn([...context.keys()]))).toEqual([]);
  expect(context.size).toBeGreaterThan(12);
});

it('policies may ask for every key of the services behind the emulator', () => {
  const file = path.join(import.meta.dirname, '../vectors/service-requests.json');
  const requests = JSON.parse(readFileSync(file, 'utf8')) as { needs: { keys?: Record<string, string> }[] }[];
  const keys = new Set(requests.flatMap(({ needs }) => needs.flatMap(({ keys: own = {} }) => Object.keys(own))));
  expect(unknownKeys(conditionOn([...keys]))).toEqual([]);
  expect(keys.size).toBeGreaterThan(8);
});

it('policies may not ask for others', () => {
  const keys = ['aws:PrincipalOrgID', 'aws:ResourceTag/team', 'kms:ViaService'];
  expect(unknownKeys(conditionOn([...keys, 'aws:RequestTag/team']))).toEqual(keys);
});
