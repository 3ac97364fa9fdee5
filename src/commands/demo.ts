import { Command } from 'commander';

export function demoCommand(): Command {
  return new Command('demo')
    .description('run a demo: a temporary PKI, the emulator, the daemon, and a real AWS SDK that uses the credentials')
    .option('--once', 'exit after the demo instead of waiting')
    .action(async ({ once = false }: { readonly once?: boolean }) => {
      const { runDemo } = await import('./demo-story.ts');
      await runDemo({ once });
    });
}
