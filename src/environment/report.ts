import { ALL_CLIENTS, type Client } from './clients.ts';
import type { EndpointAddress, Finding } from './sdk-settings.ts';
import { fixLines, type Shell } from './shell-lines.ts';

/**
 * The output of `env --check`: each finding, the affected clients and their behaviour, and the
 * lines that fix it.
 */
export function reportLines(findings: readonly Finding[], { url }: EndpointAddress, shell: Shell): readonly string[] {
  if (findings.length === 0) return [`nothing keeps programs from ${url}`];
  return findings.flatMap(({ code, what, effects, fix }) => [
    `${code}: ${what}`,
    ...effects.map(({ clients, how }) => `  ${named(clients)}: ${how}`),
    ...fixLines(fix, shell).map((line) => `  fix: ${line}`),
    '',
  ]);
}

/** A finding as one sentence each: what is set, and what its clients do. */
export function findingText({ what, effects }: Pick<Finding, 'what' | 'effects'>): string {
  return [what, ...effects.map(({ clients, how }) => `${named(clients)}: ${how}`)].join('; ');
}

/** If nearly all are affected, list the exceptions. */
function named(clients: readonly Client[]): string {
  const spared = ALL_CLIENTS.filter((client) => !clients.includes(client));
  if (clients.length === 0) return 'other clients';
  if (spared.length > 3) return clients.join(', ');
  return spared.length === 0 ? 'every SDK' : `every SDK but ${spared.join(', ')}`;
}
