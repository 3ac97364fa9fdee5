// Policies of a key file: conditions for using the key. The steps run in the file's order, and the
// TPM decides.
import { commandCodes } from './constants.ts';
import type { PolicyStep } from './key-file.ts';
import type { SaltedSession } from './session.ts';
import { run, type Tpm } from './tpm.ts';
import { u32 } from './wire.ts';

/** Steps that concern only the session, and need only the file. */
const SUPPORTED = ['PolicyPCR', 'PolicyAuthValue', 'PolicyPassword', 'PolicyCommandCode'] as const;

type Supported = (typeof SUPPORTED)[number];

/** Names for a message. */
const OTHERS: Readonly<Record<number, string>> = {
  0x149: 'PolicyNV',
  0x151: 'PolicySecret',
  0x160: 'PolicySigned',
  0x16a: 'PolicyAuthorize',
  0x16d: 'PolicyCounterTimer',
  0x16e: 'PolicyCpHash',
  0x16f: 'PolicyLocality',
  0x170: 'PolicyNameHash',
  0x171: 'PolicyOR',
  0x172: 'PolicyTicket',
  0x187: 'PolicyPhysicalPresence',
  0x188: 'PolicyDuplicationSelect',
  0x190: 'PolicyNvWritten',
  0x191: 'PolicyTemplate',
  0x192: 'PolicyAuthorizeNV',
};

/** The first unsupported step, in words. */
export function unsupportedStep(policy: readonly PolicyStep[]): string | undefined {
  const step = policy.find(({ command }) => nameOf(command) === undefined);
  return step && (OTHERS[step.command] ?? `the command 0x${step.command.toString(16)}`);
}

function nameOf(command: number): Supported | undefined {
  return SUPPORTED.find((name) => commandCodes[name] === command);
}

/** Whether the policy requires the password of the key. */
export function asksForPassword(policy: readonly PolicyStep[]): boolean {
  return policy.some(({ command }) => executedAs(nameOf(command)) === 'PolicyAuthValue');
}

/**
 * "Password" and "AuthValue" are the same condition for the TPM. Only the proof of the password
 * differs: in plain text or by an HMAC.
 */
function executedAs(name: Supported | undefined): Supported | undefined {
  return name === 'PolicyPassword' ? 'PolicyAuthValue' : name;
}

export async function satisfyPolicy(tpm: Tpm, { handle }: SaltedSession, policy: readonly PolicyStep[]): Promise<void> {
  for (const { command, parameters } of policy) {
    const name = executedAs(nameOf(command));
    if (!name) throw new RangeError(`the policy command 0x${command.toString(16)} is not executed`);
    await run(tpm, { name, parameters: [u32(handle), parameters] });
  }
}
