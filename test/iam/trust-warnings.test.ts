import * as v from 'valibot';
import { expect, it } from 'vitest';
import { trustPolicySchema } from '../../src/iam/policy-document.ts';
import { seenCertificate } from '../../src/iam/seen-certificate.ts';
import { DEFAULT_MAPPINGS } from '../../src/iam/session-tags.ts';
import { trustWarnings } from '../../src/iam/trust-warnings.ts';
import { readCertificate } from '../../src/identity/certificate.ts';
import { makeAuthority } from '../support/pki.ts';

const { certificateDer } = await (await makeAuthority()).issue({ subject: 'CN=device-0001' });
const seen = seenCertificate(readCertificate(certificateDer), DEFAULT_MAPPINGS);

const ANCHOR = { ArnEquals: { 'aws:SourceArn': 'arn:aws:rolesanywhere:eu-central-1:111122223333:trust-anchor/*' } };
const CN = 'aws:PrincipalTag/x509Subject/CN';
const OU = 'aws:PrincipalTag/x509Subject/OU';
const GOOD = { ...ANCHOR, StringEquals: { [CN]: 'device-0001' } };

function warningsOf(condition: object, version = '2012-10-17', effect = 'Allow'): string[] {
  const Statement = {
    ...{ Effect: effect, Principal: { Service: 'rolesanywhere.amazonaws.com' }, Action: 'sts:*' },
    Condition: condition,
  };
  return trustWarnings(v.parse(trustPolicySchema, { Version: version, Statement }), seen);
}

it.each<[object, RegExp]>([
  [{}, /every certificate of every trust anchor of the account gets the role/],
  [ANCHOR, /every certificate of the trust anchor gets the role/],
  [{ ...ANCHOR, StringLike: { [CN]: '*' } }, /every certificate of the trust anchor gets the role/],
  [{ ...ANCHOR, StringLike: { [CN]: ['device-*', '**'] } }, /every certificate of the trust anchor gets the role/],
  [{ ...ANCHOR, Null: { [CN]: 'false' } }, /every certificate of the trust anchor gets the role/],
  [{ StringEquals: { [CN]: 'device-0001' }, StringLike: { 'aws:SourceArn': '*' } }, /add a condition on aws:SourceArn/],
  [{ StringEquals: { [CN]: 'device-0001' } }, /add a condition on aws:SourceArn/],
  [{ ...GOOD, StringNotEquals: { [OU]: 'Servers' } }, /true for every certificate without this tag/],
  [{ ...GOOD, StringEqualsIfExists: { [OU]: 'Devices' } }, /true for every certificate without this tag/],
  [{ ...GOOD, 'ForAllValues:StringEquals': { [OU]: 'Devices' } }, /true for every certificate without this tag/],
  [{ ...ANCHOR, StringEquals: { [CN]: 'device-*' } }, /takes \* and \? literally; use StringLike/],
  [{ ...GOOD, StringLike: { 'sts:RoleSessionName': '5a*' } }, /serial number, new with each certificate/],
])('%j has one warning', (condition, warning) => {
  expect(warningsOf(condition)).toEqual([expect.stringMatching(warning)]);
});

it('warns of a variable in an old version', () => {
  const condition = { ...ANCHOR, StringLike: { [CN]: '${sts:SourceIdentity}' } };
  expect(warningsOf(condition, '2008-10-17')).toEqual([expect.stringMatching(/needs "Version": "2012-10-17"/)]);
  expect(warningsOf(condition)).toEqual([]);
});

it.each([
  [GOOD],
  [{ ...GOOD, StringNotEquals: { [CN]: 'device-0002' } }],
  [{ ...ANCHOR, StringLike: { [CN]: 'device-*' } }],
  [{ ...ANCHOR, StringEquals: { 'sts:SourceIdentity': 'CN=device-0001' } }],
])('%j has none', (condition) => {
  expect(warningsOf(condition)).toEqual([]);
});

it('a Deny is no grant', () => {
  expect(warningsOf({}, '2012-10-17', 'Deny')).toEqual([]);
});
