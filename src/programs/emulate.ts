// The bundle of `emulate`, `demo` and `init`, with the emulator.
import { demoCommand } from '../commands/demo.ts';
import { emulateCommand } from '../commands/emulate.ts';
import { initCommand } from '../commands/init.ts';
import { programOf } from '../commands/program.ts';

export const run = programOf(() => [emulateCommand(), demoCommand(), initCommand()]);
