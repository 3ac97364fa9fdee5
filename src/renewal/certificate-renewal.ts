/**
 * Renews the certificate with a program of the operator, before it ends: docs/renewal.md.
 *
 * The new certificate goes the way of every other one: it is a candidate until the service has
 * granted it a session. Only then is it written to the file.
 */
import type { KeyObject } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { IdentityConfig, RenewConfig } from '../config/config.ts';
import { readFileContent } from '../files/read-file.ts';
import type { Clock } from '../foundation/clock.ts';
import { asCodedError, type CodedError } from '../foundation/errors.ts';
import { failureFields, type Log } from '../foundation/logger.ts';
import type { Environment } from '../foundation/process-environment.ts';
import { SayOnce } from '../foundation/say-once.ts';
import { readCertificate } from '../identity/certificate.ts';
import { readIdentityContent } from '../identity/identity-content.ts';
import { type PairFiles, pairFiles } from '../identity/next-key.ts';
import { endEntities } from '../identity/signing-chain.ts';
import { identityFields, type SigningIdentity } from '../identity/signing-identity.ts';
import type { HeldIdentity } from '../identity/watched-identity.ts';
import type { OutsideKeys } from '../keys/outside-keys.ts';
import { answerContent, checkEndsLater, renewedIdentity } from './answer.ts';
import { formFault, writeCertificate } from './certificate-file.ts';
import { checkProgram } from './checked-program.ts';
import { withFreshKey } from './fresh-key.ts';
import { settleNextKey, writePair } from './key-file.ts';
import { renewalError } from './renewal-errors.ts';
import { answerOf, type AskForCertificate } from './renewal-program.ts';
import { pairInUse, pairOnDisk, renewalRequest } from './request.ts';
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

export interface CertificateRenewalParts {
  /** The current configuration. */
  readonly config: () => IdentityConfig;
  readonly held: RenewableIdentity;
  readonly keys: OutsideKeys;
  readonly ask: AskForCertificate;
  readonly environment: Environment;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
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

type WithFile = IdentityConfig & { readonly certificate: string; readonly renew: RenewConfig };

/** A granted certificate that is not in the file yet. */
interface Unwritten {
  readonly identity: SigningIdentity;
  readonly file: string;
  readonly before: Buffer;
  readonly freshKey: KeyObject | undefined;
  /** If the key is in another file. */
  readonly files: PairFiles | undefined;
}

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

  get #config(): WithFile | undefined {
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
        if (files) await settleNextKey(files);
        isSettled = true;
        await this.#tick(config, signal);
      } catch (error) {
        if (signal.aborted) return;
        this.#failed(asCodedError(error));
      }
      const until = (this.#nextAt ?? Infinity) - clock.now();
      const longest = this.#trial ? TRIAL_TICK_MS : TICK_MS;
      await clock.sleep(Math.min(longest, Math.max(until, TRIAL_TICK_MS)), signal);
      if (signal.aborted) return;
    }
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

  async #tick(config: WithFile, signal: AbortSignal): Promise<void> {
    const { clock, held } = this.#parts;
    if (this.#trial && (await this.#settle(this.#trial))) return;
    const next = this.#nextAt;
    if (held.used && clock.now() < dueAt(held.used, config.renew.at)) this.#calm();
    const isWaiting = held.candidate && !held.refusal;
    if (next === undefined || clock.now() < next || isWaiting) return;
    this.#isRunning = true;
    try {
      await this.#renew(config, signal);
    } finally {
      this.#isRunning = false;
    }
  }

  /** @returns whether nothing else is to be done now. */
  async #settle(trial: RenewalTrial): Promise<boolean> {
    const { held, clock } = this.#parts;
    held.current();
    switch (resultOf(trial, held, clock.now())) {
      case 'waiting':
        return true;
      case 'granted':
        return this.#granted();
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
  async #granted(): Promise<boolean> {
    const { clock, log } = this.#parts;
    const unwritten = this.#unwritten;
    if (unwritten) {
      if (clock.now() < (this.#trouble?.failure.code === 'RENEWAL_NOT_WRITTEN' ? this.#trouble.retryAt : 0))
        return true;
      const { file, files, before, identity, freshKey } = unwritten;
      const isWritten =
        files && freshKey
          ? await writePair(files, before, identity, freshKey)
          : await writeCertificate(file, before, identity, freshKey);
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

  async #renew(config: WithFile, signal: AbortSignal): Promise<void> {
    const { held, clock, environment, keys, ask, log } = this.#parts;
    const { certificate: file, renew } = config;
    await checkProgram(config);
    const used = held.used;
    const now = clock.now();
    const previous = used ? pairInUse(used) : await pairOnDisk(config, { now, environment }, keys);
    const { content: before } = await readFileContent(file);
    const fault = formFault(file, before);
    if (fault) throw fault;
    const pair = renew.rekey ? await withFreshKey(previous) : previous;
    log('info', 'renewing the certificate', used ? identityFields(used) : { file });
    const request = await renewalRequest(pair, keys, signal);
    const text = answerOf(await ask(renew, request, signal), renew, log);
    // The configuration was read again meanwhile, and has another identity.
    if (!isDeepStrictEqual(this.#config, config)) return;
    if (used) this.#notBefore = clock.now() + shortestWait(used);
    const answer = await answerContent(text);
    if (!answer) {
      await this.#adoptFiles(file, before, used);
      return;
    }
    const loaded = await renewedIdentity(answer, { pair, config, now: clock.now() });
    checkEndsLater(loaded.identity, used);
    const { key } = pair.key;
    const freshKey = renew.rekey && key.kind === 'file' ? key.privateKey : undefined;
    this.#unwritten = { identity: loaded.identity, file, before, freshKey, files: pairFiles(config) };
    this.#try(loaded.identity.fingerprint, false);
    held.offer(loaded);
  }

  /** The program may have written the files itself. */
  async #adoptFiles(file: string, before: Buffer, used: SigningIdentity | undefined): Promise<void> {
    const written = await readFileContent(file);
    if (written.content.equals(before))
      throw renewalError('RENEWAL_NO_CERTIFICATE', `the program printed no certificate, and did not change ${file}`);
    const { certificates } = await readIdentityContent(written, undefined);
    const [leaf] = endEntities(certificates.map(readCertificate), this.#parts.clock.now());
    if (!leaf) throw renewalError('RENEWAL_NO_CERTIFICATE', `the program wrote no certificate of a device to ${file}`);
    checkEndsLater(leaf, used);
    this.#unwritten = undefined;
    this.#try(leaf.fingerprint, true);
    this.#files?.nudge();
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
