// The bundle of `serve`, which src/main.ts loads: a command starts faster when what other commands need is in another file.
import { programOf } from '../commands/program.ts';
import { serveCommand } from '../commands/serve.ts';

export const run = programOf(() => [serveCommand()]);
