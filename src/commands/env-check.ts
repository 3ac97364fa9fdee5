import { ALL_CLIENTS, type Client } from '../environment/clients.ts';
import { checkEnvironment } from '../environment/check-environment.ts';
import { environmentError } from '../environment/environment-errors.ts';
import type { DoorAddress, Finding } from '../environment/finding.ts';
import { readSharedFiles } from '../environment/shared-files.ts';
import { mendingLines, type Shell } from './environment.ts';

/**
 * Prints what wins over a door, or breaks the way to it, in this process's environment and its user's files.
 *
 * @throws CodedError ENV_IN_THE_WAY when there is anything.
 */
export async function checkCaller(door: DoorAddress, shell: Shell): Promise<void> {
  const environment = process.env;
  const findings = checkEnvironment({ environment, files: await readSharedFiles(environment), door });
  const lines = findings.flatMap((finding) => findingLines(finding, shell));
  if (findings.length === 0) lines.push(`nothing is in the way of ${door.url}`);
  process.stdout.write(`${lines.join('\n')}\n`);
  if (findings.length > 0) throw environmentError('ENV_IN_THE_WAY', `${count(findings)} in the way of ${door.url}`);
}

function findingLines({ code, what, hurts, mend }: Finding, shell: Shell): string[] {
  return [
    `${code}: ${what}`,
    ...hurts.map(({ clients, how }) => `  ${named(clients)}: ${how}`),
    ...mendingLines(mend, shell).map((line) => `  mend: ${line}`),
    '',
  ];
}

function count({ length }: readonly Finding[]): string {
  return length === 1 ? 'one thing is' : `${length} things are`;
}

/** Whom it spares is the shorter list where nearly all are hurt. */
function named(clients: readonly Client[]): string {
  const spared = ALL_CLIENTS.filter((client) => !clients.includes(client));
  if (spared.length > 3) return clients.join(', ');
  return spared.length === 0 ? 'every SDK' : `every SDK but ${spared.join(', ')}`;
}
