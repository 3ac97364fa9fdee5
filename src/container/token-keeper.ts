import type { ClientTokenConfig } from '../config/config.ts';
import { repeatedDigest } from '../files/files-digest.ts';
import type { Clock } from '../foundation/clock.ts';
import { CodedError, messageOf, systemCodeOf } from '../foundation/errors.ts';
import { failureFields, type Log } from '../foundation/logger.ts';
import { SayOnce } from '../foundation/say-once.ts';
import { groupOf, userOf } from '../platform/accounts.ts';
import { containerError } from './container-errors.ts';
import {
  readPrevious,
  readTokenFile,
  removeTokenFile,
  type TokenFileAccess,
  writePrevious,
  writeTokenFile,
} from './token-file.ts';
import { accepts, type ClientToken, isDue, newToken } from './token-rotation.ts';

const LOOK_MS = 30_000;

/** Keeps one client's token file present, private, and at most a day old unless it does not rotate. */
export class TokenKeeper {
  client: ClientTokenConfig;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #fileState: () => Promise<string>;
  #token: ClientToken | undefined;
  /** State of the file, and who may read it, when it was read last. */
  #seen = '';
  readonly #said = new SayOnce();

  /** @param client - others of its kind have the same file. */
  constructor(client: ClientTokenConfig, { clock, log }: { readonly clock: Clock; readonly log: Log }) {
    this.client = client;
    this.#fileState = repeatedDigest([client.file], clock);
    this.#clock = clock;
    this.#log = log;
  }

  accepts(digest: Buffer): boolean {
    return this.#token !== undefined && accepts(this.#token, digest, this.#clock.now());
  }

  /** Checks again every 30 seconds until stopped. The caller does the first check. */
  async run(signal: AbortSignal): Promise<void> {
    for (;;) {
      await this.#clock.sleep(LOOK_MS, signal);
      if (signal.aborted) return;
      await this.look();
    }
  }

  /** Never rejects. Failures are logged once, and the next check tries again. */
  async look(): Promise<void> {
    try {
      await this.#look();
      this.#said.clear(this.client.file);
    } catch (error) {
      this.#say(error);
    }
  }

  /** Invalidates the token. */
  async forget(): Promise<void> {
    this.#token = undefined;
    await removeTokenFile(this.client.file, await accessOf(this.client).catch(() => undefined));
  }

  async #look(): Promise<void> {
    const { client, file, rotate } = this.client;
    const access = await accessOf(this.client);
    const state = `${JSON.stringify(access)} ${await this.#fileState()}`;
    const now = this.#clock.now();
    if (this.#token && state === this.#seen && !isDue(this.#token, this.#token.current, now, rotate)) return;
    const found = await readTokenFile(file, access);
    // After a start, only the file has the token.
    this.#token ??= { current: found, previous: await readPrevious(file, access) };
    if (!isDue(this.#token, found, now, rotate)) {
      this.#seen = state;
      return;
    }
    await this.#replace(this.#token, access, now);
    this.#log('info', 'container token written', { client, file });
  }

  /**
   * The new token is valid before anyone can read it, and the old one as long as it is in the file.
   */
  async #replace(before: ClientToken, access: TokenFileAccess, now: number): Promise<void> {
    const { token, digest } = newToken();
    const previous = before.current ? { ...before.current, since: now } : before.previous;
    this.#token = { current: { digest, since: now }, previous };
    try {
      if (previous) await writePrevious(this.client.file, access, previous);
      await writeTokenFile(this.client.file, access, token, now);
    } catch (error) {
      this.#token = before;
      throw error;
    }
  }

  #say(error: unknown): void {
    const { client, file } = this.client;
    const fault =
      error instanceof CodedError
        ? error
        : containerError('CONTAINER_TOKEN_NOT_WRITTEN', `${file} cannot be written (${reasonOf(error)})`, error);
    if (this.#said.isNews(file, fault.message))
      this.#log('error', 'container token not written', { client, file, ...failureFields(fault) });
  }
}

/** @throws CodedError CONTAINER_TOKEN_OWNER_UNKNOWN */
async function accessOf({ client, owner, group }: ClientTokenConfig): Promise<TokenFileAccess> {
  const uid = typeof owner === 'string' ? (await userOf(owner))?.uid : owner;
  const gid = typeof group === 'string' ? (await groupOf(group))?.gid : group;
  if ((uid === undefined) !== (owner === undefined)) throw unknownAccount(client, `user ${owner ?? ''}`);
  if ((gid === undefined) !== (group === undefined)) throw unknownAccount(client, `group ${group ?? ''}`);
  return { mode: group === undefined ? 0o600 : 0o640, uid, gid };
}

/** Without the message, which contains the temporary file's name and so differs each time. */
function reasonOf(error: unknown): string {
  return systemCodeOf(error) ?? messageOf(error);
}

function unknownAccount(client: string, account: string): CodedError {
  return containerError(
    'CONTAINER_TOKEN_OWNER_UNKNOWN',
    `the token file of client ${client} is for ${account}, which is unknown here`,
  );
}
