import { Argument, Command, type Option } from 'commander';
import { writeAnswer } from './answer.ts';
import type { CompletedCommand, CompletedOption } from './completion-scripts.ts';

/** The shells with a completion script. */
const SHELLS = ['bash', 'zsh', 'fish'] as const;

export function completionCommand(): Command {
  return new Command('completion')
    .description('print a shell completion script, for the shell to read at its start')
    .addArgument(new Argument('<shell>', 'for which shell').choices(SHELLS))
    .action(async (shell: (typeof SHELLS)[number], _flags: unknown, command: Command) => {
      const { completionScripts } = await import('./completion-scripts.ts');
      await writeAnswer(completionScripts[shell](completedCommands(command.parent ?? command)));
    });
}

/** All commands in the help, and help itself. */
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
