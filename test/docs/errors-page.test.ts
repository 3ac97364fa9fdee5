import { expect, test } from 'vitest';
import { accessErrors } from '../../src/access/access-errors.ts';
import { accountErrors } from '../../src/account/account-errors.ts';
import { adminErrors } from '../../src/admin/admin-errors.ts';
import { auditErrors } from '../../src/audit/audit-errors.ts';
import { commandErrors } from '../../src/commands/command-errors.ts';
import { configErrors } from '../../src/config/config-errors.ts';
import { containerErrors } from '../../src/container/container-errors.ts';
import { daemonErrors } from '../../src/daemon/daemon-errors.ts';
import { doctorErrors } from '../../src/doctor/doctor-errors.ts';
import { emulatorErrors } from '../../src/emulator/emulator-errors.ts';
import { endpointErrors } from '../../src/endpoints/endpoint-errors.ts';
import { environmentErrors } from '../../src/environment/environment-errors.ts';
import { fileErrors } from '../../src/files/file-errors.ts';
import { type ErrorCatalogue, foundationErrors } from '../../src/foundation/errors.ts';
import { iamErrors } from '../../src/iam/iam-errors.ts';
import { identityErrors } from '../../src/identity/identity-errors.ts';
import { keyErrors } from '../../src/keys/key-errors.ts';
import { kubernetesErrors } from '../../src/kubernetes/kubernetes-errors.ts';
import { migrationErrors } from '../../src/migration/migration-errors.ts';
import { platformErrors } from '../../src/platform/platform-errors.ts';
import { renewalErrors } from '../../src/renewal/renewal-errors.ts';
import { rolesAnywhereErrors } from '../../src/rolesanywhere/rolesanywhere-errors.ts';
import { sessionErrors } from '../../src/sessions/session-errors.ts';
import { setupErrors } from '../../src/setup/setup-errors.ts';
import { spiffeErrors } from '../../src/spiffe/spiffe-errors.ts';
import { standaloneErrors } from '../../src/standalone/standalone-errors.ts';
import { stateErrors } from '../../src/state/state-errors.ts';
import { stsErrors } from '../../src/sts/sts-errors.ts';

// A missing catalogue would be an unused export, which `npm run unused` reports.
const CATALOGUES: Readonly<Record<string, ErrorCatalogue>> = {
  'Command line': commandErrors,
  Configuration: configErrors,
  Endpoints: daemonErrors,
  Files: fileErrors,
  Identity: identityErrors,
  'Renewal of the certificate': renewalErrors,
  SPIFFE: spiffeErrors,
  'Signing keys': keyErrors,
  'Session tags': iamErrors,
  'IAM Roles Anywhere': rolesAnywhereErrors,
  'Role chaining (STS)': stsErrors,
  Sessions: sessionErrors,
  'State directory': stateErrors,
  'Commands without a daemon': standaloneErrors,
  'Migration from aws_signing_helper': migrationErrors,
  'Setting up an account (init)': setupErrors,
  'Requests at an endpoint': endpointErrors,
  "A program's environment": environmentErrors,
  'Admin listener': adminErrors,
  'Audit log': auditErrors,
  'Access control': accessErrors,
  'Container credentials': containerErrors,
  'Tokens of pods': kubernetesErrors,
  Doctor: doctorErrors,
  'The account, read by doctor': accountErrors,
  Platform: platformErrors,
  Emulator: emulatorErrors,
  General: foundationErrors,
};

const INTRODUCTION = `# Errors

Every failure has a stable code, a message and a remedy. The log has them as \`code\`, \`error\` and \`remedy\`; commands
print them to standard error. The message says what happened, with the values that matter. This page lists the remedies.
A code never changes its meaning.

This page is generated from the catalogues in the source: \`npm run docs:errors\`. A test checks that they match.
`;

function section([title, errors]: [string, ErrorCatalogue]): string {
  const rows = Object.entries(errors).map(([code, remedy]) => `| \`${code}\` | ${remedy.replaceAll('|', '\\|')} |`);
  return `\n## ${title}\n\n| Code | What to do |\n| --- | --- |\n${rows.join('\n')}\n`;
}

test('codes are unique and well-formed', () => {
  const codes = Object.values(CATALOGUES).flatMap((errors) => Object.keys(errors));
  expect(codes.length).toBeGreaterThan(60);
  expect(new Set(codes).size).toBe(codes.length);
  for (const code of codes) expect(code).toMatch(/^[A-Z][A-Z0-9_]+$/);
});

test('docs/errors.md lists exactly the codes, with their remedies', async () => {
  const page = INTRODUCTION + Object.entries(CATALOGUES).map(section).join('');
  await expect(page).toMatchFileSnapshot('../../docs/errors.md');
});
