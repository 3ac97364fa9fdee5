// The real refresh policy on thousands of hosts with one quota, in virtual time. Each host acts
// like SessionKeeper: decide, call or sleep at most ten seconds, look at the wall clock again.

import {
  afterChange,
  afterExpiry,
  afterFailure,
  afterGrant,
  afterRestart,
  decide,
  initialState,
  type KeeperState,
  type Random,
} from '../../src/sessions/refresh-policy.ts';
import { failure, grantedSession } from '../sessions/support.ts';
import { EventQueue } from './event-queue.ts';
import type { Scenario } from './scenario.ts';
import { seededRandom } from './seeded-random.ts';
import { Timeline } from './timeline.ts';
import { TokenBucket } from './token-bucket.ts';

export interface FleetSettings {
  readonly hosts: number;
  /** The granted duration, milliseconds. */
  readonly session: number;
  /** The quota of the account: calls per second, and how many at once after a quiet time. */
  readonly quota: { readonly perSecond: number; readonly burst: number };
  readonly seed: number;
}

interface Host {
  state: KeeperState;
  hadSession: boolean;
  readonly phase: number;
  isCalling: boolean;
  /** Its next look at the clock. Events at other times are outdated. */
  looksAt: number;
  /** When its last session expired, unless there is a newer one. */
  emptySince: number | undefined;
  /** Calls since recovery began, until the first session after that. */
  calls: number;
  isRenewed: boolean;
}

type Answer = 'granted' | 'throttled' | 'unreachable';

const TICK = 10_000;
const BOOTS_WITHIN = 5_000;
const CONNECT_TIMEOUT = 5_000;
/** A call takes one to three of these. */
const ROUND_TRIP = 100;

const FAILURES = { throttled: failure('throttled', 'RA_THROTTLED'), unreachable: failure('soon', 'RA_UNREACHABLE') };
const ANY_SESSION = grantedSession(0);

/**
 * Simulates a scenario until `until` milliseconds of virtual time. The same settings yield the same
 * timeline.
 */
export function playThrough(scenario: Scenario, settings: FleetSettings, until: number): Timeline {
  return new Fleet(scenario, settings, new Timeline(until)).run(until);
}

class Fleet {
  readonly #scenario: Scenario;
  readonly #settings: FleetSettings;
  readonly #timeline: Timeline;
  readonly #random: Random;
  readonly #bucket: TokenBucket;
  readonly #events = new EventQueue<{ readonly at: number; readonly happen: () => void }>();
  #now = 0;

  constructor(scenario: Scenario, settings: FleetSettings, timeline: Timeline) {
    this.#scenario = scenario;
    this.#settings = settings;
    this.#timeline = timeline;
    this.#random = seededRandom(settings.seed);
    this.#bucket = new TokenBucket(settings.quota);
  }

  run(until: number): Timeline {
    const hosts = Array.from({ length: this.#settings.hosts }, () => this.#addHost());
    for (let event = this.#events.pop(); event && event.at < until; event = this.#events.pop()) {
      this.#now = event.at;
      event.happen();
    }
    for (const { emptySince } of hosts) if (emptySince !== undefined) this.#timeline.lapsed(until - emptySince);
    return this.#timeline;
  }

  #addHost(): Host {
    const { isColdStart, isRestart, rotation } = this.#scenario;
    const state = isColdStart ? initialState : this.#stateInMidLife();
    const phase = this.#random();
    const host: Host = {
      state: isRestart && state.session ? afterRestart(state.session, phase, this.#wallClock()) : state,
      hadSession: !isColdStart,
      phase,
      isCalling: false,
      looksAt: 0,
      emptySince: undefined,
      calls: 0,
      isRenewed: false,
    };
    if (!isColdStart) this.#timeline.holds(0, 1);
    this.#lookAt(host, this.#random() * (isColdStart || isRestart ? BOOTS_WITHIN : TICK));
    if (rotation)
      this.#at(rotation.from + this.#random() * rotation.within, () => {
        this.#change(host);
      });
    return host;
  }

  /** For a host that has been running for long: anywhere between a grant and the next renewal. */
  #stateInMidLife(): KeeperState {
    const draw = this.#random();
    const fresh = afterGrant(this.#session(0), draw, false);
    const age = this.#random() * (fresh.renewAt - this.#wallClock());
    return afterGrant(this.#session(-age), draw, false);
  }

  /** The service uses the correct time; the host reads its own clock. */
  #session(grantedAt: number): typeof ANY_SESSION {
    const expiration = Math.floor((grantedAt + this.#settings.session) / 1000) * 1000;
    return { ...ANY_SESSION, receivedAt: this.#wallClock() + grantedAt - this.#now, expiration };
  }

  #wallClock(): number {
    const { behindBy, setAt } = this.#scenario.clocks;
    return this.#now < setAt ? this.#now - behindBy : this.#now;
  }

  #at(at: number, happen: () => void): void {
    this.#events.push({ at, happen });
  }

  #lookAt(host: Host, at: number): void {
    host.looksAt = at;
    this.#at(at, () => {
      if (host.looksAt === at && !host.isCalling) this.#look(host);
    });
  }

  #look(host: Host): void {
    const decision = decide(host.state, this.#wallClock());
    if (decision.do === 'exchange') this.#call(host);
    else if (decision.do === 'drop') this.#drop(host);
    else this.#lookAt(host, this.#now + Math.min(Math.max(decision.until - this.#wallClock(), 1), TICK));
  }

  #drop(host: Host): void {
    const late = this.#wallClock() - (host.state.session?.expiration ?? NaN);
    host.emptySince = this.#now - late;
    host.state = afterExpiry(host.state);
    this.#timeline.holds(this.#now, -1);
    this.#look(host);
  }

  #change(host: Host): void {
    host.state = afterChange(host.state, this.#wallClock());
    this.#lookAt(host, this.#now);
  }

  #call(host: Host): void {
    host.isCalling = true;
    const { from, until } = this.#scenario.lineDown;
    const isDown = this.#now >= from && this.#now < until;
    const answer = isDown ? 'unreachable' : this.#ask(host);
    const takes = isDown ? CONNECT_TIMEOUT : ROUND_TRIP * (1 + 2 * this.#random());
    this.#at(this.#now + takes, () => {
      this.#answered(host, answer);
    });
  }

  #ask(host: Host): Answer {
    const isAdmitted = this.#bucket.admits(this.#now);
    this.#timeline.called(this.#now, isAdmitted);
    if (this.#now >= this.#scenario.recoversFrom) host.calls += 1;
    return isAdmitted ? 'granted' : 'throttled';
  }

  #answered(host: Host, answer: Answer): void {
    host.isCalling = false;
    if (answer === 'granted') this.#granted(host);
    else host.state = afterFailure(host.state, FAILURES[answer], this.#random, this.#wallClock());
    this.#look(host);
  }

  #granted(host: Host): void {
    if (!host.state.session) this.#timeline.holds(this.#now, 1);
    if (host.emptySince !== undefined) this.#timeline.lapsed(this.#now - host.emptySince);
    host.emptySince = undefined;
    this.#noteRenewal(host);
    const isFirst = !host.hadSession;
    host.state = afterGrant(this.#session(this.#now), isFirst ? host.phase : this.#random(), isFirst);
    host.hadSession = true;
  }

  #noteRenewal(host: Host): void {
    if (host.isRenewed || host.calls === 0) return;
    this.#timeline.renewed(this.#now, host.calls);
    host.isRenewed = true;
  }
}
