/** One renewal for a command, whether it is due or not. */
import { CodedError } from '../foundation/errors.ts';
import { pairFiles } from '../identity/next-key.ts';
import { type LoadedIdentity, type SigningIdentity } from '../identity/signing-identity.ts';
import { answerContent, checkEndsLater, renewedIdentity } from './answer.ts';
import { type AskedParts, askedProgram, type RenewableConfig, writtenByProgram } from './asked-program.ts';
import { freshKey } from './fresh-key.ts';
import { settleNextKey, writeRenewed } from './key-file.ts';
import { renewingAlone } from './renewal-lock.ts';

export interface RenewNowParts extends AskedParts {
  /** Writes nothing. A program that writes the files itself writes them all the same. */
  readonly isDry: boolean;
  /** Reads and proves the pair of the configured files. */
  readonly load: () => Promise<LoadedIdentity>;
  /** Gets a session with it. */
  readonly tryOut: (identity: SigningIdentity) => Promise<void>;
  readonly now: () => number;
}

export interface Renewed {
  readonly identity: SigningIdentity;
  /** Undefined: no program. `another`: another program has written a certificate meanwhile. */
  readonly writer: 'command' | 'program' | 'another' | undefined;
}

/**
 * The steps of docs/renewal.md, "What happens".
 *
 * @throws CodedError
 */
export function renewNow(config: RenewableConfig, parts: RenewNowParts, signal: AbortSignal): Promise<Renewed> {
  return renewingAlone(config, parts.now(), () => renewed(config, parts, signal));
}

async function renewed(config: RenewableConfig, parts: RenewNowParts, signal: AbortSignal): Promise<Renewed> {
  const { isDry, load, tryOut, now } = parts;
  const { certificate: file, renew } = config;
  const files = pairFiles(config);
  if (files && !isDry) await settleNextKey(files);
  const used = await usable(load);
  const asked = await askedProgram(config, { used, now: now() }, parts, signal);
  const answer = await answerContent(asked.text);
  if (!answer) {
    await writtenByProgram(file, asked, { used, now: now() });
    const { identity } = await load();
    await tryOut(identity);
    return { identity, writer: 'program' };
  }
  const { pair, before } = asked;
  const { identity } = await renewedIdentity(answer, { pair, config, now: now() });
  checkEndsLater(identity, used);
  await tryOut(identity);
  if (isDry) return { identity, writer: undefined };
  const isWritten = await writeRenewed({ identity, file, before, freshKey: freshKey(pair, renew), files });
  return { identity, writer: isWritten ? 'command' : 'another' };
}

/** An expired certificate can be renewed. */
async function usable(load: RenewNowParts['load']): Promise<SigningIdentity | undefined> {
  try {
    return (await load()).identity;
  } catch (error) {
    if (error instanceof CodedError && error.code === 'CERTIFICATE_EXPIRED') return undefined;
    throw error;
  }
}
