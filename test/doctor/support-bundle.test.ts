import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Known } from '../../src/doctor/step.ts';
import { readBundle, shownConfig, shownEnvironment, writeBundle } from '../../src/doctor/support-bundle.ts';
import { CodedError } from '../../src/foundation/errors.ts';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'imds-anywhere-bundle-'));
  return () => rm(directory, { recursive: true });
});

test('of a configuration, arguments of programs and agreed secrets are hidden', () => {
  const config = {
    identity: {
      privateKey: { kind: 'command', argv: ['/bin/sign', '--pin', '1234'], environment: ['HSM_PIN'] },
      renew: { command: ['/bin/renew', 'token'] },
      passphrase: { from: 'file', path: '/etc/passphrase' },
    },
    roles: [{ assume: { externalId: 'agreed', tags: { team: 'x' }, sessionDuration: 900 } }],
    key: { kind: 'tpm', key: { file: new Uint8Array([1, 2]), path: '/k.pem' } },
  };
  expect(shownConfig(config)).toEqual({
    identity: {
      privateKey: { kind: 'command', argv: ['/bin/sign', 'hidden', 'hidden'], environment: ['HSM_PIN'] },
      renew: { command: ['/bin/renew', 'hidden'] },
      passphrase: { from: 'file', path: '/etc/passphrase' },
    },
    roles: [{ assume: { externalId: 'hidden', tags: 'hidden', sessionDuration: 900 } }],
    key: { kind: 'tpm', key: { file: 'hidden', path: '/k.pem' } },
  });
});

test('of an environment, names are shown, and values that cannot be secrets', () => {
  const environment = {
    HOME: '/root',
    AWS_REGION: 'eu-central-1',
    AWS_SESSION_TOKEN: 'x',
    https_proxy: 'x',
    AWS_PROFILE: '',
  };
  expect(shownEnvironment(environment)).toEqual({
    AWS_REGION: 'eu-central-1',
    AWS_SESSION_TOKEN: 'set',
    https_proxy: 'set',
    AWS_PROFILE: '',
  });
});

test('a bundle hides both, and only its user can read it', async () => {
  const file = path.join(directory, 'written.json');
  const diagnosis = { schema: 1, version: '1', time: 't', file: 'f', exitCode: 0, steps: [] } as const;
  const assume = { externalId: 'SECRET', policy: { from: 'text', text: 'SECRET' } };
  const known = { config: { roles: [{ name: 'r', assume }] } } as unknown as Known;
  await writeBundle(file, diagnosis, known, { AWS_SESSION_TOKEN: 'SECRET' });
  const text = await readFile(file, 'utf8');
  expect(JSON.parse(text)).toMatchObject({ diagnosis, environment: { AWS_SESSION_TOKEN: 'set' } });
  expect(text).not.toContain('SECRET');
  expect((await stat(file)).mode & 0o777).toBe(0o600);
});

describe('a file that is no bundle is refused', () => {
  const step = { name: 'a', title: 'a', area: 'host', outcome: 'passed', seen: [], findings: [], unchecked: [] };
  const diagnosis = { schema: 1, version: '1', time: 't', file: 'f', exitCode: 0, steps: [step] };
  const bundle = { kind: 'imds-anywhere support bundle', diagnosis };

  async function codeOf(content: string): Promise<unknown> {
    const file = path.join(directory, 'bundle.json');
    await writeFile(file, content);
    return readBundle(file).then(
      () => 'read',
      (error: unknown) => (error instanceof CodedError ? error.code : error),
    );
  }

  test.each([
    ['a good one', bundle, 'read'],
    ['with more fields, as of a later version', { ...bundle, diagnosis: { ...diagnosis, more: 1 } }, 'read'],
    ['of another kind', { ...bundle, kind: 'x' }, 'BUNDLE_UNREADABLE'],
    ['of another schema', { ...bundle, diagnosis: { ...diagnosis, schema: 2 } }, 'BUNDLE_UNREADABLE'],
    ['with an exit code of a signal', { ...bundle, diagnosis: { ...diagnosis, exitCode: 256 } }, 'BUNDLE_UNREADABLE'],
    ['with a step that is text', { ...bundle, diagnosis: { ...diagnosis, steps: ['x'] } }, 'BUNDLE_UNREADABLE'],
    [
      'with an unknown outcome',
      { ...bundle, diagnosis: { ...diagnosis, steps: [{ ...step, outcome: 'x' }] } },
      'BUNDLE_UNREADABLE',
    ],
    ['null', null, 'BUNDLE_UNREADABLE'],
  ])('%s', async (_title, content, code) => {
    expect(await codeOf(JSON.stringify(content))).toBe(code);
  });

  const MOST = 4 * 1024 * 1024;
  test.each([
    [MOST, 'read'],
    [MOST + 1, 'BUNDLE_UNREADABLE'],
  ])('of %i bytes, the last ones of which mean nothing', async (size, code) => {
    expect(await codeOf(JSON.stringify(bundle).padEnd(size))).toBe(code);
  });

  test.each(['', '{'])('text %#', async (content) => {
    expect(await codeOf(content)).toBe('BUNDLE_UNREADABLE');
  });
});
