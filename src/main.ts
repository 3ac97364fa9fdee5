#!/usr/bin/env node
// Nothing may be imported above these statements. Until they have run, SIGUSR1 makes Node open its inspector, and every local user can
// then read the private key through it. Imports run before all statements, so the program itself is imported last.
process.on('SIGUSR1', () => undefined);

// This file has to be readable for Node 12: no operators younger than that, no await at the top.
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  process.stderr.write(`imds-anywhere: this is Node ${process.versions.node}; install Node 20.19 or later\n`);
  process.exit(1);
}

const options = `${process.execArgv.join(' ')} ${String(process.env['NODE_OPTIONS'])}`;
if (process.features.inspector && !/--inspect(?!-port|-publish)/.test(options)) {
  const { close } = process.getBuiltinModule('node:inspector');
  // An earlier signal may still be on its way through Node's threads. Node emits this event when it opens the inspector, and in the
  // same turn of this thread, so that no client gets an answer in between. It is meant for node:cluster and not documented.
  process.on('internalMessage', (message: { readonly cmd?: unknown }) => {
    if (message.cmd === 'NODE_DEBUG_ENABLED') close();
  });
  // Last: Node can open it between any two statements.
  close();
}

void import('./commands/program.ts').then(async ({ runProgram }) => {
  process.exit(await runProgram(process.argv));
});
