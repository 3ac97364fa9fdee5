import { chmod, writeFile } from 'node:fs/promises';
import http from 'node:http';
import { describe, expect, it } from 'vitest';
import { asCodedError } from '../../src/foundation/errors.ts';
import { httpsAssumeRole } from '../../src/sts/https-assume-role.ts';
import { packedSizeWarning } from '../../src/sts/packed-size.ts';
import { policyFault, policyIn, policyText } from '../../src/sts/session-policy.ts';
import { listening, temporaryFile } from '../rolesanywhere/support.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { without } from '../support/without.ts';
import { assumedBody, first, NOW, second } from './support.ts';

const STATEMENT = { Effect: 'Allow', Action: 's3:*', Resource: '*' };

describe('a session policy', () => {
  it.each<[unknown, string | undefined]>([
    [{ Statement: STATEMENT }, undefined],
    [{ Statement: [STATEMENT, { ...STATEMENT, Effect: 'Deny' }] }, undefined],
    [{ Statement: { ...STATEMENT, Effect: 'allow' } }, 'statements'],
    [{ Statement: [] }, 'statements'],
    [{ Statement: 'Allow' }, 'statements'],
    [[STATEMENT], 'statements'],
    ['null', 'statements'],
    ['"text"', 'statements'],
    [{ Statement: [STATEMENT, { ...STATEMENT, NotPrincipal: '*' }] }, 'without Principal'],
    [{ Statement: { Effect: 'Deny', NotAction: 's3:*', NotResource: '*' } }, undefined],
    [{ Statement: [STATEMENT, { Effect: 'Allow', Actions: 's3:*', Resource: '*' }] }, 'Action or NotAction'],
    [{ Statement: { Effect: 'Allow', Action: 's3:*' } }, 'Resource or NotResource'],
    [{ Statement: { ...STATEMENT, Resource: 'x'.repeat(2_000) } }, 'at most 2048 characters'],
    ['{', 'JSON'],
  ])('%j is refused for %s', (policy, fault) => {
    const found = policyFault(policyText(policy));
    if (fault === undefined) expect(found).toBeUndefined();
    else expect(found).toContain(fault);
  });

  it('has only characters that STS accepts, and the same meaning', () => {
    const policy = { Statement: STATEMENT, Id: 'ü\u0000\u007f漢😀\u2028' };
    const text = policyText(policy) ?? '';
    expect(text).toMatch(/^[\x20-\xff]+$/);
    expect(JSON.parse(text)).toEqual(policy);
  });
});

it('tags of about 80 percent of the space are worth a warning', () => {
  expect(packedSizeWarning({ key: 'v'.repeat(350) })).toBeUndefined();
  // The calls that the service counted: 9 tags of 2 and 250 characters, 498 percent.
  const recorded = Object.fromEntries(Array.from({ length: 9 }, (_, n) => [`T${n + 1}`, 'a'.repeat(250)]));
  expect(packedSizeWarning(recorded)?.message).toContain('about 498 %');
});

const POLICY = JSON.stringify({ Statement: STATEMENT });

describe('a session policy in a file', () => {
  const codeOf = (path: string): Promise<string | undefined> =>
    policyIn({ from: 'file', path }).catch((error: unknown) => asCodedError(error).code);

  it('is read for each call, and without its spaces', async () => {
    const file = temporaryFile('policy.json', JSON.stringify(JSON.parse(POLICY), null, 2));
    expect(await policyIn({ from: 'file', path: file })).toBe(POLICY);
    await writeFile(file, POLICY.replace('s3', 'sqs'));
    expect(await policyIn({ from: 'file', path: file })).toBe(POLICY.replace('s3', 'sqs'));
    expect(await policyIn({ from: 'text', text: POLICY })).toBe(POLICY);
    expect(await policyIn(undefined)).toBeUndefined();
  });

  it.each([
    ['that is missing', 'STS_POLICY_UNREADABLE', (file: string) => `${file}.missing`],
    ['that is a directory', 'STS_POLICY_UNREADABLE', (file: string) => `${file}/..`],
  ])('%s is %s', async (_, code, change) => {
    expect(await codeOf(change(temporaryFile('policy.json', POLICY)))).toBe(code);
  });

  it.each([
    ['', 'STS_POLICY_UNUSABLE'],
    [POLICY.slice(1), 'STS_POLICY_UNUSABLE'],
    [POLICY.replace('Action', 'Principal'), 'STS_POLICY_UNUSABLE'],
    [`${POLICY.padEnd(64 * 1024 + 1)}{`, 'STS_POLICY_UNREADABLE'],
    [Buffer.from(POLICY.replace('*', 'ü'), 'latin1'), 'STS_POLICY_UNREADABLE'],
  ])('with content %# is %s', async (content, code) => {
    expect(await codeOf(temporaryFile('policy.json', content))).toBe(code);
  });

  it('that every user can write is not used', async () => {
    const file = temporaryFile('policy.json', POLICY);
    await chmod(file, 0o666);
    expect(await codeOf(file)).toBe('FILE_WRITABLE_BY_OTHERS');
  });
});

describe('a call of AssumeRole', () => {
  /** What STS gets: the policies of its calls. */
  async function calling() {
    const policies: (string | null)[] = [];
    const sts = http.createServer((request, answer) => {
      let form = '';
      request.setEncoding('utf8').on('data', (part: string) => (form += part));
      request.on('end', () => {
        policies.push(new URLSearchParams(form).get('Policy'));
        answer.end(assumedBody());
      });
    });
    const endpoint = `http://127.0.0.1:${await listening(sts)}`;
    const assume = httpsAssumeRole({}, { clock: new VirtualClock(NOW), environment: {}, userAgent: 'test' });
    const role = { ...without(second, 'policy'), sts: { ...second.sts, endpoint } };
    return {
      policies,
      call: (policy?: Parameters<typeof policyIn>[0]) =>
        assume(first, { ...role, ...(policy && { policy }) }, new AbortController().signal),
    };
  }

  it('has the session policy, wherever it is', async () => {
    const { policies, call } = await calling();
    await call({ from: 'text', text: POLICY });
    await call({ from: 'file', path: temporaryFile('policy.json', POLICY) });
    await call();
    expect(policies).toEqual([POLICY, POLICY, null]);
  });

  it('is not made without it: the session could do more', async () => {
    const { policies, call } = await calling();
    const files = ['{', POLICY.replace('Allow', 'allow')].map((content) => temporaryFile('policy.json', content));
    const open = temporaryFile('policy.json', POLICY);
    await chmod(open, 0o666);
    for (const path of [...files, open, `${open}.missing`])
      await expect(call({ from: 'file', path })).rejects.toMatchObject({ retry: 'soon' });
    expect(policies).toEqual([]);
  });
});
