// The bundle of `emulate` and `demo`, with the emulator.
import { demoCommand } from '../commands/demo.ts';
import { emulateCommand } from '../commands/emulate.ts';
import { programOf } from '../commands/program.ts';

export const run = programOf(() => [emulateCommand(), demoCommand()]);
