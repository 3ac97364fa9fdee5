import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Answered } from '../endpoints/answer.ts';
import type { Signature } from '../keys/observed-signer.ts';
import type { Exchange } from '../sessions/observed-exchange.ts';
import { type LabelsOf, type MetricName, METRICS } from './metric-catalogue.ts';
import type { Page } from './page.ts';
import type { DaemonSnapshot } from './snapshot.ts';
import { stateSamples } from './state-samples.ts';

/** Counts events, and exports them with the current state in the text format of Prometheus. */
export interface Metrics {
  readonly exchanged: (role: string, exchange: Exchange) => void;
  readonly answered: (at: { readonly role: string; readonly endpoint: string }, answer: Answered) => void;
  readonly signed: (signature: Signature) => void;
  readonly page: () => Promise<Page>;
}

/** A call takes some tenths of a second. Its deadline is 15 s. */
const DURATION_BUCKETS = [0.05, 0.1, 0.2, 0.3, 0.5, 1, 2, 5, 10, 15];

/**
 * Some milliseconds for a file, 0.1 s for a process, seconds for a smart card. The deadline is 10
 * s.
 */
const SIGNATURE_BUCKETS = [0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10];

const LEFT_OUT = [
  // Gauges of prom-client that are named like counters. `nodejs_active_handles` and similar ones
  // have their sums by type.
  ...['nodejs_active_handles_total', 'nodejs_active_requests_total', 'nodejs_active_resources_total'],
  // They need a timer that wakes the process a hundred times a second.
  // `nodejs_eventloop_lag_seconds` is measured on demand.
  ...['min', 'max', 'mean', 'stddev', 'p50', 'p90', 'p99'].map((part) => `nodejs_eventloop_lag_${part}_seconds`),
];

/** The longest interval of that timer, because prom-client always starts it. */
const LAG_PRECISION_MS = 2 ** 31 - 1;

export function daemonMetrics(snapshot: () => DaemonSnapshot): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: LAG_PRECISION_MS });
  for (const name of LEFT_OUT) registry.removeSingleMetric(name);
  const gauges = stateGauges(registry);
  const count = counters(registry);
  const requests = new RequestTally();
  const durations = new Histogram({
    ...described('imds_anywhere_create_session_duration_seconds'),
    buckets: DURATION_BUCKETS,
    registers: [registry],
  });
  const signatures = new Histogram({
    ...described('imds_anywhere_signature_duration_seconds'),
    buckets: SIGNATURE_BUCKETS,
    registers: [registry],
  });
  return {
    signed: ({ source, durationMs, failure }) => {
      count('imds_anywhere_signatures_total', { source, outcome: failure?.code ?? 'made' });
      signatures.observe({ source, outcome: failure ? 'failed' : 'made' }, durationMs / 1_000);
    },
    exchanged: (role, { operation, outcome, durationMs }) => {
      const result = outcome.granted ? 'granted' : outcome.failure.code;
      if (operation === 'AssumeRole') {
        count('imds_anywhere_assume_role_calls_total', { role, outcome: result });
        return;
      }
      count('imds_anywhere_create_session_calls_total', { role, outcome: result });
      durations.observe({ outcome: outcome.granted ? 'granted' : 'failed' }, durationMs / 1_000);
    },
    answered: ({ role, endpoint }, { status, outcome: { resource, refusal } }) => {
      requests.count(role, endpoint, resource, status);
      if (refusal) count('imds_anywhere_endpoint_refused_total', { role, endpoint, code: refusal.code });
    },
    page: async () => {
      for (const { labels, isIssue, times } of requests.take()) {
        const { role, endpoint } = labels;
        count('imds_anywhere_endpoint_requests_total', labels, times);
        if (isIssue) count('imds_anywhere_endpoint_tokens_issued_total', { role, endpoint }, times);
      }
      for (const gauge of gauges.values()) gauge.reset();
      for (const { name, labels, value } of stateSamples(snapshot())) gauges.get(name)?.set(labels, value);
      return { status: 200, type: registry.contentType, body: await registry.metrics() };
    },
  };
}

interface RequestCount {
  readonly labels: LabelsOf<'imds_anywhere_endpoint_requests_total'>;
  readonly isIssue: boolean;
  times: number;
}

/**
 * The requests since the last scrape, because a counter of prom-client checks and joins its labels for
 * each one.
 */
class RequestTally {
  readonly #since = new Map<string, RequestCount>();

  count(role: string, endpoint: string, resource: string, status: number): void {
    const kind = `${role}\n${endpoint}\n${resource}\n${status}`;
    const counted = this.#since.get(kind);
    if (counted) {
      counted.times += 1;
      return;
    }
    const labels = { role, endpoint, resource, status: statusClass(status) };
    this.#since.set(kind, { labels, isIssue: resource === 'token' && status === 200, times: 1 });
  }

  take(): readonly RequestCount[] {
    const counts = [...this.#since.values()];
    this.#since.clear();
    return counts;
  }
}

/** `2xx` */
function statusClass(status: number): string {
  return `${Math.floor(status / 100)}xx`;
}

type Count = <Name extends MetricName>(name: Name, labels: LabelsOf<Name>, times?: number) => void;

function counters(registry: Registry): Count {
  const made = new Map(
    named('counter').map((name) => [name, new Counter({ ...described(name), registers: [registry] })]),
  );
  return (name, labels, times = 1) => {
    made.get(name)?.inc(labels, times);
  };
}

function stateGauges(registry: Registry): ReadonlyMap<MetricName, Gauge> {
  return new Map(named('gauge').map((name) => [name, new Gauge({ ...described(name), registers: [registry] })]));
}

function named(type: 'gauge' | 'counter'): MetricName[] {
  return (Object.keys(METRICS) as MetricName[]).filter((name) => METRICS[name].type === type);
}

function described(name: MetricName): { name: string; help: string; labelNames: string[] } {
  const { help, labels } = METRICS[name];
  return { name, help, labelNames: [...labels] };
}
