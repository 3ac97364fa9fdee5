/** The events of a scenario. Times are milliseconds of virtual time, which starts at 0. */
export interface Scenario {
  readonly title: string;
  /**
   * All hosts boot within seconds without a session. Otherwise each is somewhere in the life of its
   * session.
   */
  readonly isColdStart: boolean;
  /** All hosts restart within seconds, with their stored session. */
  readonly isRestart: boolean;
  /** No call reaches the service from `from` until `until`. */
  readonly lineDown: { readonly from: number; readonly until: number };
  /** How far every host's clock is behind, until it is set at `setAt`. */
  readonly clocks: { readonly behindBy: number; readonly setAt: number };
  /** Every host gets a new certificate at some time in this span. */
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

/** Duration of the quiet time before anything happens. */
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
  // Ignores whether the service would accept signatures from such clocks.
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
