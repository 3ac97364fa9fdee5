#!/usr/bin/env node
// Import nothing above these statements. Until they have run, SIGUSR1 makes Node open its
// inspector, through which every local user can read the private key. Imports run before all
// statements, so the program itself is imported last.
process.on('SIGUSR1', () => undefined);

// Node 12 must be able to parse this file: no newer operators, no top-level await.
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  process.stderr.write(`imds-anywhere: this is Node ${process.versions.node}; install Node 20.19 or later\n`);
  process.exit(1);
}

const options = `${process.execArgv.join(' ')} ${String(process.env['NODE_OPTIONS'])}`;
if (process.features.inspector && !/--inspect(?!-port|-publish)/.test(options)) {
  const { close } = process.getBuiltinModule('node:inspector');
  // An earlier signal may still be on its way through Node's threads. Node emits this undocumented
  // event for node:cluster when it opens the inspector. Closing it in the same turn means that no
  // client gets an answer.
  process.on('internalMessage', (message: { readonly cmd?: unknown }) => {
    if (message.cmd === 'NODE_DEBUG_ENABLED') close();
  });
  // Last, because Node can open it between any two statements.
  close();
}

void import('./commands/program.ts').then(async ({ runProgram }) => {
  process.exit(await runProgram(process.argv));
});
