/** What befalls a fleet. Times are milliseconds of virtual time, which starts at 0. */
export interface Scenario {
  readonly title: string;
  /** All hosts boot within seconds and hold nothing; otherwise each is somewhere in the life of its session. */
  readonly isColdStart: boolean;
  /** All hosts start again within seconds, with the session that they held. */
  readonly isRestart: boolean;
  /** No call reaches the service from `from` until before `until`. */
  readonly lineDown: { readonly from: number; readonly until: number };
  /** By how much every host's clock is behind, until it is set at `setAt`. */
  readonly clocks: { readonly behindBy: number; readonly setAt: number };
  /** Every host gets a new certificate at some moment of this span. */
  readonly rotation: { readonly from: number; readonly within: number } | undefined;
  /** When recovery begins. */
  readonly recoversFrom: number;
}

export interface Event {
  /** How long the line is down, milliseconds. */
  readonly outage: number;
  /** How far the clocks are stepped, milliseconds. */
  readonly step: number;
}

const MINUTE = 60_000;

/** So long the fleet is watched in peace before anything happens. */
const PEACE = 5 * MINUTE;

const PEACEFUL: Scenario = {
  title: 'nothing happens',
  isColdStart: false,
  isRestart: false,
  lineDown: { from: Infinity, until: Infinity },
  clocks: { behindBy: 0, setAt: 0 },
  rotation: undefined,
  recoversFrom: PEACE,
};

export const SCENARIOS = {
  peace: () => PEACEFUL,
  power: () => ({ ...PEACEFUL, title: 'power comes back', isColdStart: true, recoversFrom: 0 }),
  restart: () => ({ ...PEACEFUL, title: 'all hosts start again with kept sessions', isRestart: true, recoversFrom: 0 }),
  wan: ({ outage }: Event) => ({
    ...PEACEFUL,
    title: `the line comes back after ${outage / MINUTE} min`,
    lineDown: { from: PEACE, until: PEACE + outage },
    recoversFrom: PEACE + outage,
  }),
  // Whether the service would have taken signatures from clocks that far behind is left out.
  ntp: ({ step }: Event) => ({
    ...PEACEFUL,
    title: `all clocks are set forward by ${step / MINUTE} min`,
    clocks: { behindBy: step, setAt: PEACE },
  }),
  ca: () => ({
    ...PEACEFUL,
    title: 'all certificates change within a minute',
    rotation: { from: PEACE, within: MINUTE },
  }),
} as const satisfies Record<string, (event: Event) => Scenario>;

export type ScenarioName = keyof typeof SCENARIOS;
