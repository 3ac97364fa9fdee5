import { Command } from 'commander';

export function demoCommand(): Command {
  return new Command('demo')
    .description(
      'see it happen: a throwaway PKI, the emulator, the daemon, and a real AWS SDK that signs with what it got',
    )
    .option('--once', 'end after the proof instead of staying up')
    .action(async ({ once = false }: { readonly once?: boolean }) => {
      const { runDemo } = await import('./demo-story.ts');
      await runDemo({ once });
    });
}
