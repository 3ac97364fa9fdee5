// The bundle of everything else. Help and completion name every command. Those with their own
// bundle run there (src/main.ts).
import { checkConfigCommand } from '../commands/check-config.ts';
import { completionCommand } from '../commands/completion.ts';
import { credentialProcessCommand } from '../commands/credential-process.ts';
import { csrCommand } from '../commands/csr.ts';
import { demoCommand } from '../commands/demo.ts';
import { doctorCommand } from '../commands/doctor.ts';
import { emulateCommand } from '../commands/emulate.ts';
import { execCommand } from '../commands/exec.ts';
import { initCommand } from '../commands/init.ts';
import { keyCommand } from '../commands/key.ts';
import { migrateCommand } from '../commands/migrate.ts';
import { policyCommand } from '../commands/policy.ts';
import { programOf } from '../commands/program.ts';
import { renewCommand } from '../commands/renew.ts';
import { serveCommand } from '../commands/serve.ts';
import { envCommand } from '../commands/shell-variables.ts';
import { statusCommand } from '../commands/status.ts';
import { updateCommand } from '../commands/update.ts';
import { versionCommand } from '../commands/version.ts';

export const run = programOf(() => [
  serveCommand(),
  credentialProcessCommand(),
  execCommand(),
  updateCommand(),
  statusCommand(),
  checkConfigCommand(),
  doctorCommand(),
  policyCommand(),
  initCommand(),
  envCommand(),
  keyCommand(),
  csrCommand(),
  renewCommand(),
  migrateCommand(),
  emulateCommand(),
  demoCommand(),
  completionCommand(),
  versionCommand(),
]);
