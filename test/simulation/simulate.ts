import { simulate, USAGE } from './command.ts';

try {
  process.stdout.write(await simulate(process.argv.slice(2)));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
  process.exitCode = 2;
}
