// What a running daemon of this configuration says of itself. It may run as another user, with other files.
import type { AdminConfig } from '../config/config.ts';
import { messageOf } from '../foundation/errors.ts';
import { asFinding, type DaemonReport, type Failure, type Found, type Ports, type StepFinding } from './step.ts';

export async function askDaemon(
  admin: AdminConfig,
  names: readonly string[],
  { askStatus }: Pick<Ports, 'askStatus'>,
): Promise<Found> {
  try {
    return judgedStatus(await askStatus(admin), names);
  } catch (error) {
    return { unchecked: [`the status of the daemon: ${messageOf(error)}`] };
  }
}

/** Pure. With the codes and remedies of the daemon. What keeps it from serving is a cause. */
export function judgedStatus(status: DaemonReport, names: readonly string[]): Found {
  const { version, summary, configurationFault, endpointFault, identity } = status;
  const roles = status.roles.filter(({ name }) => names.includes(name));
  return {
    seen: [`the running daemon, version ${version}: ${summary}`],
    findings: [
      ...reported(configurationFault, 'rejected the changed file, and uses its previous configuration'),
      ...(identity.certificate
        ? reported(identity.fault, 'uses its previous certificate', 'warning')
        : reported(identity.fault, 'has no certificate')),
      ...roles.flatMap(({ name, session, failure }) =>
        session
          ? reported(failure, `cannot renew the session of role ${name}`, 'warning')
          : reported(failure, `has no session of role ${name}`),
      ),
      ...reported(endpointFault, 'may reject valid clients'),
      ...reported(identity.renewal?.failure ?? null, 'cannot renew its certificate', 'warning'),
    ],
  };
}

function reported(fault: Failure | null, what: string, severity: StepFinding['severity'] = 'error'): StepFinding[] {
  if (!fault) return [];
  const { code, error, remedy } = fault;
  return [asFinding({ code, message: `the running daemon ${what}: ${error}`, remedy }, severity)];
}
