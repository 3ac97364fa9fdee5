import type { CertificateStatus } from '../admin/identity-status.ts';
import type { CallsStatus, RoleStatus, Status } from '../admin/status.ts';
import { CONDITION_WORDS } from '../admin/status-line.ts';
import { age, lastDay, validityConcern } from '../admin/status-times.ts';

export type Colour = 'green' | 'yellow' | 'red' | 'bold';
export type Paint = (text: string, colour: Colour) => string;

const READINESS_COLOURS: Readonly<Record<Status['readiness'], Colour>> = {
  ready: 'green',
  degraded: 'yellow',
  not_ready: 'red',
};
const CONDITION_COLOURS: Readonly<Record<RoleStatus['condition'], Colour>> = {
  fresh: 'green',
  renewal_failing: 'yellow',
  starting: 'yellow',
  no_session: 'red',
};

/** A status for people. Uses the daemon's clock. */
export function statusTable(status: Status, paint: Paint): string {
  const readiness = paint(status.readiness.replace('_', ' '), READINESS_COLOURS[status.readiness]);
  return [
    `imds-anywhere ${status.version}: ${readiness}, up ${age(status.startedAt, status.time)}`,
    ...faultLines(status, paint),
    '',
    ...certificateLines(status, paint),
    '',
    ...roleLines(status, paint),
    '',
  ].join('\n');
}

/** Older daemons lack these fields. */
function faultLines({ configurationFault, endpointFault }: Status, paint: Paint): string[] {
  const lines = (title: string, fault: Status['configurationFault'] | undefined): string[] =>
    fault ? ['', paint(title, 'yellow'), ...failureLines(fault, paint)] : [];
  return [
    ...lines('New configuration rejected; keeping the current one', configurationFault),
    ...lines('Keys of the cluster not read; known keys stay in use', endpointFault),
  ];
}

function certificateLines(status: Status, paint: Paint): string[] {
  const { certificate, candidate, fault } = status.identity;
  const line = (name: string, text: string): string => `${paint(name.padEnd(12), 'bold')} ${text}`;
  return [
    ...(certificate
      ? [
          line('CERTIFICATE', certificate.subject),
          line('  issued by', certificate.issuer),
          line('  serial', certificate.serial),
          ...keyLines(status, line),
          line('  valid', validity(certificate, status.time, paint)),
          ...certificate.chain.map(({ subject, notAfter }) => line('  chain', `${subject} until ${notAfter}`)),
        ]
      : [line('CERTIFICATE', paint('none yet', 'red'))]),
    ...(candidate ? [line('  candidate', `${candidate.serial} until ${candidate.notAfter}`)] : []),
    ...renewalLines(status, line),
    ...[candidate?.refusal, fault, (status.identity as Partial<Status['identity']>).renewal?.failure].flatMap(
      (failure) => (failure ? failureLines(failure, paint) : []),
    ),
  ];
}

/** Older daemons lack these fields. */
function keyLines({ identity }: Status, line: (name: string, text: string) => string): string[] {
  const { certificate, signature } = identity as Partial<Status['identity']>;
  const key = (certificate as Partial<CertificateStatus> | undefined)?.key;
  if (!key) return [];
  const made = signature?.made ? `, last signature in ${signature.made.milliseconds} ms at ${signature.made.at}` : '';
  const failed = signature?.failed ? `, last failure ${signature.failed.code} at ${signature.failed.at}` : '';
  return [line('  key', `${key.name ?? 'in a file'}${made}${failed}`)];
}

/** Older daemons lack this field. */
function renewalLines({ identity }: Status, line: (name: string, text: string) => string): string[] {
  const { renewal } = identity as Partial<Status['identity']>;
  if (!renewal) return [];
  const { isRunning, next, failure } = renewal;
  const tries = failure ? `, ${failure.attempts} failed since ${failure.since}` : '';
  return [line('  renewal', (isRunning ? 'running' : (next ?? 'waits for a certificate')) + tries)];
}

const CONCERN_COLOURS = { none: undefined, warning: 'yellow', critical: 'red', expired: 'red' } as const;

function validity(certificate: CertificateStatus, time: string, paint: Paint): string {
  const { notAfter } = certificate;
  const concern = validityConcern(certificate, time);
  const colour = CONCERN_COLOURS[concern];
  const left = concern === 'expired' ? `expired ${age(notAfter, time)} ago` : `${age(time, notAfter)} left`;
  const text = `until ${notAfter}, ${left}`;
  return colour ? paint(text, colour) : text;
}

const HEADER = ['ROLE', 'CONDITION', 'EXPIRES', 'NEXT CALL', 'ENDPOINT'];

function roleLines({ roles, time }: Status, paint: Paint): string[] {
  const rows = roles.map((role) => [
    role.required ? role.name : `${role.name} (not required)`,
    CONDITION_WORDS[role.condition],
    role.session ? `in ${age(time, role.session.expiration)}` : '-',
    `in ${age(time, role.nextCall)}`,
    role.endpoints[0]?.url ?? '-',
  ]);
  const widths = HEADER.map((head, column) =>
    Math.max(...[HEADER, ...rows].map((row) => row[column]?.length ?? 0), head.length),
  );
  const padded = (row: readonly string[]): string[] => row.map((cell, column) => cell.padEnd(widths[column] ?? 0));
  return [
    paint(padded(HEADER).join('  ').trimEnd(), 'bold'),
    ...roles.flatMap((role, index) => {
      const [name = '', condition = '', ...rest] = padded(rows[index] ?? []);
      const row = [name, paint(condition, CONDITION_COLOURS[role.condition]), ...rest].join('  ').trimEnd();
      return [
        row,
        ...furtherEndpoints(role, widths),
        ...firstHopLines(role, time, paint),
        ...troubleLines(role, time, paint),
        // Older daemons lack this field.
        ...timeline((role as Partial<RoleStatus>).calls ?? [], time, paint),
      ];
    }),
  ];
}

/** Below the first, in the same column. */
function furtherEndpoints({ endpoints }: RoleStatus, widths: readonly number[]): string[] {
  const before = widths.slice(0, -1).map((width) => ' '.repeat(width));
  return endpoints.slice(1).map(({ url }) => [...before, url].join('  '));
}

/** Older daemons lack this field. */
function firstHopLines({ firstHop }: Partial<RoleStatus>, time: string, paint: Paint): string[] {
  if (!firstHop) return [];
  const { roleArn, session, failure } = firstHop;
  const state = session ? `session expires in ${age(time, session.expiration)}` : 'no session';
  return [`  assumed with ${roleArn}: ${state}`, ...troubleLines({ failure }, time, paint)];
}

function troubleLines({ failure }: Pick<RoleStatus, 'failure'>, time: string, paint: Paint): string[] {
  if (!failure) return [];
  const { attempts, since } = failure;
  const calls = attempts === 1 ? '1 call' : `${attempts} calls`;
  return [...failureLines(failure, paint), `    for ${age(since, time)}, ${calls}`];
}

/** One character for each half hour of the last day. */
function timeline(calls: readonly CallsStatus[], time: string, paint: Paint): string[] {
  if (calls.length === 0) return [];
  const marks = lastDay(calls, time).map((slot) => {
    if (!slot) return '.';
    return slot.failed === 0 ? paint('+', 'green') : slot.granted === 0 ? paint('x', 'red') : paint('*', 'yellow');
  });
  return [`  calls of the last day  ${marks.join('')}`];
}

function failureLines(
  { code, error, remedy }: { readonly code: string; readonly error: string; readonly remedy: string },
  paint: Paint,
): string[] {
  return [`  ${paint(code, 'red')}: ${error}`, `    ${remedy}`];
}
