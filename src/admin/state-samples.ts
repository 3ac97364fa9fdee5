import { version } from '../foundation/version.ts';
import type { LabelsOf, MetricName, METRICS } from './metric-catalogue.ts';
import { isRequired, nextCallAt, readinessOf } from './readiness.ts';
import type { DaemonSnapshot, RoleSnapshot } from './snapshot.ts';

type GaugeName = { [Name in MetricName]: (typeof METRICS)[Name]['type'] extends 'gauge' ? Name : never }[MetricName];

/** One value of a metric. */
export interface Sample {
  readonly name: GaugeName;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** The state of the daemon as numbers, computed for each scrape. */
export function stateSamples(snapshot: DaemonSnapshot): Sample[] {
  const { used, candidate, fault, refusal, renewal } = snapshot.identity;
  const readiness = readinessOf(snapshot);
  const faults = [fault, refusal?.failure].flatMap((error) => (error ? [error.code] : []));
  return [
    sample('imds_anywhere_build_info', { version, node: process.version }, 1),
    sample('imds_anywhere_ready', {}, readiness === 'not_ready' ? 0 : 1),
    sample('imds_anywhere_degraded', {}, readiness === 'ready' ? 0 : 1),
    ...(snapshot.configurationFault
      ? [sample('imds_anywhere_configuration_fault', { code: snapshot.configurationFault.code }, 1)]
      : []),
    ...(snapshot.endpointFault
      ? [sample('imds_anywhere_endpoint_fault', { code: snapshot.endpointFault.code }, 1)]
      : []),
    ...snapshot.roles.flatMap(roleSamples),
    ...validity('used', used),
    ...validity('candidate', candidate),
    ...[...new Set(faults)].map((code) => sample('imds_anywhere_identity_fault', { code }, 1)),
    ...renewalSamples(renewal),
  ];
}

function roleSamples(snapshot: RoleSnapshot): Sample[] {
  const { role, keeper, current, firstHop } = snapshot;
  const labels = { role: role.name };
  const required = String(isRequired(snapshot));
  const { trouble } = keeper;
  return [
    sample('imds_anywhere_session_held', { ...labels, required }, current ? 1 : 0),
    sample('imds_anywhere_session_next_call_timestamp_seconds', labels, nextCallAt(snapshot) / 1_000),
    ...(current
      ? [sample('imds_anywhere_session_expiration_timestamp_seconds', labels, current.expiration / 1_000)]
      : []),
    ...(firstHop?.session
      ? [sample('imds_anywhere_first_hop_expiration_timestamp_seconds', labels, firstHop.session.expiration / 1_000)]
      : []),
    ...(trouble
      ? [
          sample(
            'imds_anywhere_session_failing_since_timestamp_seconds',
            { ...labels, code: trouble.failure.code },
            trouble.since / 1_000,
          ),
        ]
      : []),
  ];
}

function renewalSamples(renewal: DaemonSnapshot['identity']['renewal']): Sample[] {
  const { nextAt, trouble } = renewal ?? {};
  return [
    ...(nextAt === undefined
      ? []
      : [sample('imds_anywhere_certificate_renewal_timestamp_seconds', {}, nextAt / 1_000)]),
    ...(trouble
      ? [
          sample(
            'imds_anywhere_certificate_renewal_failing_since_timestamp_seconds',
            { code: trouble.failure.code },
            trouble.since / 1_000,
          ),
        ]
      : []),
  ];
}

function validity(
  which: 'used' | 'candidate',
  certificate: { readonly notBefore: number; readonly notAfter: number } | undefined,
): Sample[] {
  if (!certificate) return [];
  return [
    sample('imds_anywhere_certificate_not_before_timestamp_seconds', { which }, certificate.notBefore / 1_000),
    sample('imds_anywhere_certificate_not_after_timestamp_seconds', { which }, certificate.notAfter / 1_000),
  ];
}

function sample<Name extends GaugeName>(name: Name, labels: LabelsOf<Name>, value: number): Sample {
  return { name, labels, value };
}
