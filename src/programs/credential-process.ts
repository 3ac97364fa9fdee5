// The bundle of `credential-process`, which SDKs start often.
import { credentialProcessCommand } from '../commands/credential-process.ts';
import { programOf } from '../commands/program.ts';

export const run = programOf(() => [credentialProcessCommand()]);
