import { run } from './program.ts';

/** The options that `--help` of a command shows. */
export interface CommandHelp {
  readonly name: string;
  /** Long ones, such as `--config`. */
  readonly flags: readonly string[];
}

export async function allCommandHelp(): Promise<readonly CommandHelp[]> {
  const { stdout } = await run(['--help']);
  const [, list = ''] = /^Commands:\n([^]*?)\n\n/m.exec(stdout) ?? [];
  const names = [...list.matchAll(/^ {2}([a-z]\S*)/gm)].map(([, name = '']) => name);
  return Promise.all(names.map(async (name) => ({ name, flags: await flagsOf(name) })));
}

async function flagsOf(command: string): Promise<readonly string[]> {
  const { stdout } = await run(command === 'help' ? ['--help'] : [command, '--help']);
  const [, list = ''] = /^Options:\n([^]*)/m.exec(stdout) ?? [];
  return [...list.matchAll(/^ {2}(?:-\w, )?(--[a-z0-9-]+)/gm)].map(([, flag = '']) => flag);
}
