/**
 * Renews the certificate with a program of the operator, before it ends: docs/renewal.md.
 *
 * The new certificate goes the way of every other one: it is a candidate until the service has
 * granted it a session. Only then is it written to the file.
 */
import { isDeepStrictEqual } from 'node:util';
import type { IdentityConfig } from '../config/config.ts';
import type { Clock } from '../foundation/clock.ts';
import { asCodedError, type CodedError } from '../foundation/errors.ts';
import { failureFields } from '../foundation/logger.ts';
import { SayOnce } from '../foundation/say-once.ts';
import { pairFiles } from '../identity/next-key.ts';
import { identityFields, type SigningIdentity } from '../identity/signing-identity.ts';
import type { HeldIdentity } from '../identity/watched-identity.ts';
import { answerContent, checkEndsLater, renewedIdentity } from './answer.ts';
import { type AskedParts, askedProgram, type RenewableConfig, writtenByProgram } from './asked-program.ts';
import { freshKey } from './fresh-key.ts';
import { settleNextKey, type Unwritten, writeRenewed } from './key-file.ts';
import { renewalError } from './renewal-errors.ts';
import { renewingAlone } from './renewal-lock.ts';
import {
  afterFailure,
  dueAt,
  type Held,
  type RenewalTrial,
  type RenewalTrouble,
  resultOf,
  shortestWait,
  urgency,
} from './schedule.ts';

/** Decides between the certificate in use and a new one. */
export interface RenewableIdentity extends Held, HeldIdentity {
  readonly used: SigningIdentity | undefined;
  readonly refusal: { readonly failure: CodedError; readonly restsUntil: number } | undefined;
}

export interface CertificateRenewalParts extends AskedParts {
  /** The current configuration. */
  readonly config: () => IdentityConfig;
  readonly held: RenewableIdentity;
  readonly clock: Clock;
  readonly random: () => number;
}

/** The files of the identity, which are followed. */
export interface FollowedFiles {
  /** Why they are not used. */
  readonly fault: CodedError | undefined;
  /** Reads them soon. */
  nudge(): void;
}

/** For status and metrics. Times are milliseconds since the epoch. */
export interface RenewalState {
  /** When the program is run next; undefined: while no certificate is known. */
  readonly nextAt: number | undefined;
  readonly isRunning: boolean;
  readonly trouble: RenewalTrouble | undefined;
}

/** Then the wall clock is read again: it may have been set, or the host suspended. */
const TICK_MS = 10_000;
/** While a new certificate is tried. */
const TRIAL_TICK_MS = 1_000;

export class CertificateRenewal {
  readonly #parts: CertificateRenewalParts;
  readonly #said = new SayOnce();
  #files: FollowedFiles | undefined;
  #loop: Promise<void> | undefined;
  #isRunning = false;
  #trouble: RenewalTrouble | undefined;
  #trial: RenewalTrial | undefined;
  #unwritten: Unwritten | undefined;
  #notBefore = 0;
  /** What the wall clock is ahead of the monotonic one. */
  #ahead = -Infinity;
  #isRefusalNoted = false;

  constructor(parts: CertificateRenewalParts) {
    this.#parts = parts;
  }

  /** Undefined: not configured. */
  get state(): RenewalState | undefined {
    if (!this.#config) return undefined;
    return { nextAt: this.#nextAt, isRunning: this.#isRunning, trouble: this.#trouble };
  }

  /** Starts if the configuration asks for it, and ends with the signal or another configuration. */
  follow(files: FollowedFiles, signal: AbortSignal): void {
    this.#files = files;
    if (!this.#config || signal.aborted) return;
    this.#loop ??= this.#run(signal).finally(() => (this.#loop = undefined));
  }

  async ended(): Promise<void> {
    await this.#loop;
  }

  /**
   * For what is read from the files. The previous certificate is not offered again while its
   * successor is tried or cannot be written.
   */
  get fromFiles(): HeldIdentity {
    const { held } = this.#parts;
    return {
      current: () => held.current(),
      offer: (loaded) => {
        if (this.#trial?.replaces !== loaded.identity.fingerprint) held.offer(loaded);
      },
    };
  }

  get #config(): RenewableConfig | undefined {
    const { certificate, renew, ...rest } = this.#parts.config();
    return renew && typeof certificate === 'string' ? { ...rest, certificate, renew } : undefined;
  }

  /** With no pair in use, only an expired certificate can be renewed: other faults need people. */
  get #nextAt(): number | undefined {
    const { held, clock } = this.#parts;
    const config = this.#config;
    if (!config) return undefined;
    const wait = Math.max(this.#trouble?.retryAt ?? 0, this.#notBefore);
    if (held.used) return Math.max(dueAt(held.used, config.renew.at), wait);
    return this.#files?.fault?.code === 'CERTIFICATE_EXPIRED' ? Math.max(clock.now(), wait) : undefined;
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts;
    let isSettled = false;
    for (let config = this.#config; config; config = this.#config) {
      this.#noteClock();
      try {
        const files = isSettled ? undefined : pairFiles(config);
        if (files) await this.#alone(config, () => settleNextKey(files));
        isSettled = true;
        await this.#tick(config, signal);
      } catch (error) {
        if (signal.aborted) return;
        const failure = asCodedError(error);
        if (failure.code === 'RENEWAL_UNDERWAY') this.#letOther();
        else this.#failed(failure);
      }
      const until = (this.#nextAt ?? Infinity) - clock.now();
      const longest = this.#trial ? TRIAL_TICK_MS : TICK_MS;
      await clock.sleep(Math.min(longest, Math.max(until, TRIAL_TICK_MS)), signal);
      if (signal.aborted) return;
    }
  }

  #alone<T>(config: RenewableConfig, work: () => Promise<T>): Promise<T> {
    return renewingAlone(config, this.#parts.clock.now(), work);
  }

  /** The command `renew` runs. By the next attempt, its certificate has been read. */
  #letOther(): void {
    const { clock, held } = this.#parts;
    this.#notBefore = clock.now() + (held.used ? shortestWait(held.used) : TICK_MS);
  }

  /** A clock that is set back makes no wait longer. */
  #noteClock(): void {
    const { clock } = this.#parts;
    const ahead = clock.now() - clock.monotonic();
    const setBack = Math.max(this.#ahead - ahead, 0);
    this.#ahead = ahead;
    if (setBack === 0) return;
    this.#notBefore -= setBack;
    if (this.#trouble) this.#trouble = { ...this.#trouble, retryAt: this.#trouble.retryAt - setBack };
  }

  async #tick(config: RenewableConfig, signal: AbortSignal): Promise<void> {
    const { clock, held } = this.#parts;
    if (this.#trial && (await this.#settle(config, this.#trial))) return;
    const next = this.#nextAt;
    if (held.used && clock.now() < dueAt(held.used, config.renew.at)) this.#calm();
    const isWaiting = held.candidate && !held.refusal;
    if (next === undefined || clock.now() < next || isWaiting) return;
    this.#isRunning = true;
    try {
      await this.#alone(config, () => this.#renew(config, signal));
    } finally {
      this.#isRunning = false;
    }
  }

  /** @returns whether nothing else is to be done now. */
  async #settle(config: RenewableConfig, trial: RenewalTrial): Promise<boolean> {
    const { held, clock } = this.#parts;
    held.current();
    switch (resultOf(trial, held, clock.now())) {
      case 'waiting':
        return true;
      case 'granted':
        return this.#granted(config);
      case 'refused':
        if (!this.#isRefusalNoted && held.refusal) {
          this.#isRefusalNoted = true;
          const { code, message } = held.refusal.failure;
          throw renewalError('RENEWAL_REFUSED', `the new certificate was refused (${code}): ${message}`);
        }
        return false;
      case 'gone':
        this.#trial = undefined;
        if (trial.isOnDisk) throw renewalError('RENEWAL_NOT_ADOPTED', 'the files that the program wrote are not used');
        return true;
    }
  }

  /** A file that cannot be written now is tried again like a renewal. */
  async #granted(config: RenewableConfig): Promise<boolean> {
    const { clock, log } = this.#parts;
    const unwritten = this.#unwritten;
    if (unwritten) {
      if (clock.now() < (this.#trouble?.failure.code === 'RENEWAL_NOT_WRITTEN' ? this.#trouble.retryAt : 0))
        return true;
      const { file, identity } = unwritten;
      const isWritten = await this.#alone(config, () => writeRenewed(unwritten));
      log('info', isWritten ? 'renewed certificate written' : 'another program has written a certificate', {
        file,
        ...identityFields(identity),
      });
    }
    this.#trial = undefined;
    this.#unwritten = undefined;
    this.#calm();
    return true;
  }

  /** This program or another one has renewed the certificate. */
  #calm(): void {
    if (this.#trouble) this.#parts.log('info', 'certificate renewal works again');
    this.#trouble = undefined;
    this.#said.clearAll();
  }

  async #renew(config: RenewableConfig, signal: AbortSignal): Promise<void> {
    const { held, clock } = this.#parts;
    const { certificate: file, renew } = config;
    const used = held.used;
    const asked = await askedProgram(config, { used, now: clock.now() }, this.#parts, signal);
    // The configuration was read again meanwhile, and has another identity.
    if (!isDeepStrictEqual(this.#config, config)) return;
    if (used) this.#notBefore = clock.now() + shortestWait(used);
    const { pair, before, text } = asked;
    const answer = await answerContent(text);
    if (!answer) {
      const leaf = await writtenByProgram(file, asked, { used, now: clock.now() });
      this.#unwritten = undefined;
      this.#try(leaf.fingerprint, true);
      this.#files?.nudge();
      return;
    }
    const loaded = await renewedIdentity(answer, { pair, config, now: clock.now() });
    checkEndsLater(loaded.identity, used);
    this.#unwritten = {
      identity: loaded.identity,
      file,
      before,
      freshKey: freshKey(pair, renew),
      files: pairFiles(config),
    };
    this.#try(loaded.identity.fingerprint, false);
    held.offer(loaded);
  }

  #try(fingerprint: string, isOnDisk: boolean): void {
    const { held, clock } = this.#parts;
    this.#isRefusalNoted = false;
    const replaces = held.used?.fingerprint;
    this.#trial = { fingerprint, isOnDisk, replaces, startedAt: clock.now() };
  }

  #failed(failure: CodedError): void {
    const { held, clock, random, log } = this.#parts;
    const now = clock.now();
    this.#trouble = afterFailure(this.#trouble, failure, { life: held.used, now, random: random() });
    const stage = urgency(held.used, now);
    if (!this.#said.isNews('renewal', `${stage} ${failure.code}`)) return;
    const fields = { ...failureFields(failure), ...(held.used && identityFields(held.used)) };
    log(stage === 'early' ? 'warn' : 'error', 'certificate not renewed', fields);
  }
}
