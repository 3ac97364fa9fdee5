// The bundle of `serve`, loaded by src/main.ts. Separate bundles make commands start faster.
import { programOf } from '../commands/program.ts';
import { serveCommand } from '../commands/serve.ts';

export const run = programOf(() => [serveCommand()]);
