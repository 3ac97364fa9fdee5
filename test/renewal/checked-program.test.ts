import { expect, test } from 'vitest';
import { checkRenewal } from '../../src/renewal/checked-program.ts';

test.each([
  ['a file that is missing', '/nonexistent/renew'],
  ['a directory', '/'],
])('%s is no program', async (_, program) => {
  const renew = { command: [program], at: 0.66, timeout: 60, environment: [], rekey: false } as const;
  const findings = await checkRenewal({ certificate: process.execPath, renew, allowReadableKey: true });
  const found = findings.filter(({ severity }) => severity === 'error');
  expect(found.map(({ error }) => error.code)).toEqual(['RENEWAL_PROGRAM_MISSING']);
});
