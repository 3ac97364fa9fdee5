import { Argument, Command, type Option } from 'commander';

/** The shells that can be taught the command line. */
const SHELLS = ['bash', 'zsh', 'fish'] as const;

/** What a shell has to know of one subcommand, read from commander's own description of it: so it cannot go stale. */
export interface CompletedCommand {
  readonly name: string;
  readonly description: string;
  readonly options: readonly CompletedOption[];
  /** What its argument may be; none: a file. Undefined: it takes no argument. */
  readonly argument: readonly string[] | undefined;
}

export interface CompletedOption {
  /** Such as `-c`, `--config`. */
  readonly flags: readonly string[];
  readonly description: string;
  readonly takesValue: boolean;
  /** None: a file, or something that cannot be known. */
  readonly choices: readonly string[];
}

export function completionCommand(): Command {
  return new Command('completion')
    .description('print what teaches a shell this command line, to be read by the shell at its start')
    .addArgument(new Argument('<shell>', 'for which shell').choices(SHELLS))
    .action(async (shell: (typeof SHELLS)[number], _flags: unknown, command: Command) => {
      const { completionScripts } = await import('./completion-scripts.ts');
      process.stdout.write(completionScripts[shell](completedCommands(command.parent ?? command)));
    });
}

/** All that help shows, and help itself. */
function completedCommands(root: Command): readonly CompletedCommand[] {
  return root
    .createHelp()
    .visibleCommands(root)
    .map((command) => ({
      name: command.name(),
      description: command.description(),
      options: command.createHelp().visibleOptions(command).map(completedOption),
      argument: command.registeredArguments.map((argument) => argument.argChoices ?? []).at(0),
    }));
}

function completedOption({ short, long, description, required, optional, argChoices }: Option): CompletedOption {
  return {
    flags: [short, long].filter((flag) => flag !== undefined),
    description,
    takesValue: required || optional,
    choices: argChoices ?? [],
  };
}
