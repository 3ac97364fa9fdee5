// Every metric there is, under the conventions of Prometheus (https://prometheus.io/docs/practices/naming/): base units, `_total` for
// counters, and no label whose values could be without number. docs/metrics.md is written from this.

interface MetricDescription {
  readonly type: 'gauge' | 'counter' | 'histogram';
  readonly help: string;
  readonly labels: readonly string[];
}

export const METRICS = {
  imds_anywhere_build_info: {
    type: 'gauge',
    help: 'Always 1; which version runs.',
    labels: ['version', 'node'],
  },
  imds_anywhere_ready: {
    type: 'gauge',
    help: '1 when every required role is served, as /readyz has it.',
    labels: [],
  },
  imds_anywhere_degraded: {
    type: 'gauge',
    help: '1 when something is to be looked at, ready or not: /status says what.',
    labels: [],
  },
  imds_anywhere_configuration_fault: {
    type: 'gauge',
    help: '1 when the configuration on disk could not be applied; the former one is used.',
    labels: ['code'],
  },
  imds_anywhere_session_held: {
    type: 'gauge',
    help: '1 when the role has an unexpired session, 0 when requests get 503.',
    labels: ['role', 'required'],
  },
  imds_anywhere_session_expiration_timestamp_seconds: {
    type: 'gauge',
    help: 'When the held session expires; absent without one.',
    labels: ['role'],
  },
  imds_anywhere_session_next_call_timestamp_seconds: {
    type: 'gauge',
    help: 'When the service is asked next: the renewal, or after a failure the next try.',
    labels: ['role'],
  },
  imds_anywhere_session_failing_since_timestamp_seconds: {
    type: 'gauge',
    help: 'When the first of the calls failed that gave no session since the last grant, and with which code the last one did; absent while calls succeed.',
    labels: ['role', 'code'],
  },
  imds_anywhere_certificate_not_before_timestamp_seconds: {
    type: 'gauge',
    help: 'When the signing certificate begins; which is "used" or "candidate".',
    labels: ['which'],
  },
  imds_anywhere_certificate_not_after_timestamp_seconds: {
    type: 'gauge',
    help: 'When the signing certificate expires; which is "used" or "candidate".',
    labels: ['which'],
  },
  imds_anywhere_identity_fault: {
    type: 'gauge',
    help: '1 when certificate and key on disk cannot be used, or the service refused the new certificate; what was before is used.',
    labels: ['code'],
  },
  imds_anywhere_create_session_calls_total: {
    type: 'counter',
    help: 'Calls of CreateSession that have ended; outcome is "granted" or the code of docs/errors.md.',
    labels: ['role', 'outcome'],
  },
  imds_anywhere_create_session_duration_seconds: {
    type: 'histogram',
    help: 'How long they took; outcome is "granted" or "failed".',
    labels: ['outcome'],
  },
  imds_anywhere_endpoint_requests_total: {
    type: 'counter',
    help: 'Requests answered; role is empty where a request came to none, resource is "token", "credentials", "other" or "none" (turned away), status a class such as "2xx".',
    labels: ['role', 'endpoint', 'resource', 'status'],
  },
  imds_anywhere_endpoint_refused_total: {
    type: 'counter',
    help: 'Requests that the guard turned away, by code of docs/errors.md.',
    labels: ['role', 'endpoint', 'code'],
  },
  imds_anywhere_endpoint_tokens_issued_total: {
    type: 'counter',
    help: 'Metadata tokens given out.',
    labels: ['role', 'endpoint'],
  },
} as const satisfies Readonly<Record<`imds_anywhere_${string}`, MetricDescription>>;

export type MetricName = keyof typeof METRICS;

export type LabelsOf<Name extends MetricName> = Readonly<Record<(typeof METRICS)[Name]['labels'][number], string>>;
