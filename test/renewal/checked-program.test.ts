import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { checkProgram, checkRenewal } from '../../src/renewal/checked-program.ts';
import { codeOf } from '../identity/identity-directory.ts';

test.each([
  ['a file that is missing', '/nonexistent/renew'],
  ['a directory', '/'],
])('%s is no program', async (_, program) => {
  const renew = { command: [program], at: 0.66, timeout: 60, environment: [], rekey: false } as const;
  const findings = await checkRenewal({ certificate: process.execPath, renew, allowReadableKey: true });
  const found = findings.filter(({ severity }) => severity === 'error');
  expect(found.map(({ error }) => error.code)).toEqual(['RENEWAL_PROGRAM_MISSING']);
});

test('a script that an interpreter is given is checked like a program', async () => {
  const directory = await mkdtemp(path.join(tmpdir(), 'imds-anywhere-renewal-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  const script = path.join(directory, 'renew.sh');
  await writeFile(script, 'exit 0');
  const check = (allowReadableKey = false): Promise<void> => {
    const renew = { command: ['/bin/sh', script], at: 0.66, timeout: 60, environment: [], rekey: false } as const;
    return checkProgram({
      certificate: 'device.pem',
      renew: { ...renew, command: ['/bin/sh', script] },
      allowReadableKey,
    });
  };
  await chmod(script, 0o666);
  expect(await codeOf(check())).toBe('FILE_WRITABLE_BY_OTHERS');
  await check(true);
  await chmod(script, 0o644);
  await check();
});
