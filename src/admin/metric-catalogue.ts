// Every metric, with the conventions of Prometheus (https://prometheus.io/docs/practices/naming/):
// base units, `_total` for counters, and no label with unlimited values. docs/metrics.md is
// generated from it.

interface MetricDescription {
  readonly type: 'gauge' | 'counter' | 'histogram';
  readonly help: string;
  readonly labels: readonly string[];
}

export const METRICS = {
  imds_anywhere_build_info: {
    type: 'gauge',
    help: 'Always 1; the running version is in the labels.',
    labels: ['version', 'node'],
  },
  imds_anywhere_ready: {
    type: 'gauge',
    help: '1 when every required role is served, like /readyz.',
    labels: [],
  },
  imds_anywhere_degraded: {
    type: 'gauge',
    help: '1 when something needs attention, ready or not; /status has the details.',
    labels: [],
  },
  imds_anywhere_configuration_fault: {
    type: 'gauge',
    help: '1 when the configuration on disk was rejected; the current one stays in use.',
    labels: ['code'],
  },
  imds_anywhere_endpoint_fault: {
    type: 'gauge',
    help: '1 when an endpoint may reject valid clients, because it cannot read the keys of their cluster; known keys stay in use.',
    labels: ['code'],
  },
  imds_anywhere_session_held: {
    type: 'gauge',
    help: '1 when the role has an unexpired session, 0 when requests get 503.',
    labels: ['role', 'required'],
  },
  imds_anywhere_session_expiration_timestamp_seconds: {
    type: 'gauge',
    help: 'When the current session expires; absent without a session.',
    labels: ['role'],
  },
  imds_anywhere_first_hop_expiration_timestamp_seconds: {
    type: 'gauge',
    help: 'When the session expires that the role is assumed with; only for roles with "assume".',
    labels: ['role'],
  },
  imds_anywhere_session_next_call_timestamp_seconds: {
    type: 'gauge',
    help: 'When the next call to the service is due: the renewal, or after a failure the next retry.',
    labels: ['role'],
  },
  imds_anywhere_session_failing_since_timestamp_seconds: {
    type: 'gauge',
    help: 'When calls began to fail after the last granted session, with the code of the latest failure; absent while calls succeed.',
    labels: ['role', 'code'],
  },
  imds_anywhere_certificate_not_before_timestamp_seconds: {
    type: 'gauge',
    help: 'When the signing certificate becomes valid; which is "used" or "candidate".',
    labels: ['which'],
  },
  imds_anywhere_certificate_not_after_timestamp_seconds: {
    type: 'gauge',
    help: 'When the signing certificate expires; which is "used" or "candidate".',
    labels: ['which'],
  },
  imds_anywhere_identity_fault: {
    type: 'gauge',
    help: '1 when the files on disk or the SVIDs of the SPIFFE agent cannot be used, or the service refused the new certificate; the previous ones stay in use.',
    labels: ['code'],
  },
  imds_anywhere_certificate_renewal_timestamp_seconds: {
    type: 'gauge',
    help: 'When the program of identity.renew is run next; absent without one, and while no certificate is known.',
    labels: [],
  },
  imds_anywhere_certificate_renewal_failing_since_timestamp_seconds: {
    type: 'gauge',
    help: 'When renewals of the certificate began to fail, with the code of the latest failure; absent while they succeed.',
    labels: ['code'],
  },
  imds_anywhere_create_session_calls_total: {
    type: 'counter',
    help: 'Completed CreateSession calls; outcome is "granted" or the code of docs/errors.md.',
    labels: ['role', 'outcome'],
  },
  imds_anywhere_assume_role_calls_total: {
    type: 'counter',
    help: 'Completed AssumeRole calls of roles with "assume"; outcome is "granted" or the code of docs/errors.md.',
    labels: ['role', 'outcome'],
  },
  imds_anywhere_create_session_duration_seconds: {
    type: 'histogram',
    help: 'Duration of CreateSession calls; outcome is "granted" or "failed".',
    labels: ['outcome'],
  },
  imds_anywhere_signatures_total: {
    type: 'counter',
    help: 'Signatures, also those that prove a new certificate; source is where the key is: "file", "pkcs11", "tpm", "ssh-agent" or "command"; outcome is "made" or the code of docs/errors.md.',
    labels: ['source', 'outcome'],
  },
  imds_anywhere_signature_duration_seconds: {
    type: 'histogram',
    help: 'Duration of signatures, including the time in the queue of a token; outcome is "made" or "failed".',
    labels: ['source', 'outcome'],
  },
  imds_anywhere_endpoint_requests_total: {
    type: 'counter',
    help: 'Answered requests; role is empty if a request was for none, resource is "token", "credentials", "other" or "none" (rejected), status a class such as "2xx".',
    labels: ['role', 'endpoint', 'resource', 'status'],
  },
  imds_anywhere_endpoint_refused_total: {
    type: 'counter',
    help: 'Requests that the guard rejected, by code of docs/errors.md.',
    labels: ['role', 'endpoint', 'code'],
  },
  imds_anywhere_endpoint_tokens_issued_total: {
    type: 'counter',
    help: 'Issued metadata tokens.',
    labels: ['role', 'endpoint'],
  },
} as const satisfies Readonly<Record<`imds_anywhere_${string}`, MetricDescription>>;

export type MetricName = keyof typeof METRICS;

export type LabelsOf<Name extends MetricName> = Readonly<Record<(typeof METRICS)[Name]['labels'][number], string>>;
