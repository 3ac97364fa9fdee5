#!/usr/bin/env node
// Nothing may be imported above these statements. Until they have run, SIGUSR1 makes Node open its inspector, and every local user can
// then read the private key through it. Imports run before all statements, so the program itself is imported last.
process.on('SIGUSR1', () => undefined);
const options = `${process.execArgv.join(' ')} ${process.env['NODE_OPTIONS'] ?? ''}`;
if (process.features.inspector && !/--inspect(?!-port|-publish)/.test(options)) {
  const { close } = process.getBuiltinModule('node:inspector');
  // An earlier signal may still be on its way through Node's threads. Node emits this event when it opens the inspector, and in the
  // same turn of this thread, so that nobody gets an answer in between. It is meant for node:cluster and not documented.
  process.on('internalMessage', (message: { readonly cmd?: unknown }) => {
    if (message.cmd === 'NODE_DEBUG_ENABLED') close();
  });
  // Last: Node can open it between any two statements.
  close();
}

const { runProgram } = await import('./commands/program.ts');
process.exit(await runProgram(process.argv));
