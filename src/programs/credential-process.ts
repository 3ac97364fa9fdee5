// The bundle of `credential-process`: SDKs start it again and again.
import { credentialProcessCommand } from '../commands/credential-process.ts';
import { programOf } from '../commands/program.ts';

export const run = programOf(() => [credentialProcessCommand()]);
