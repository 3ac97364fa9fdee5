import type { Config, RoleConfig } from '../config/config.ts';
import { readConfigFile } from '../config/config-file.ts';
import { examineConfig } from '../config/examined-config.ts';
import { asCodedError } from '../foundation/errors.ts';
import { doctorError } from './doctor-errors.ts';
import { asFinding, type Found, isCause, type Known, placed, type Request, type StepName } from './step.ts';
import { namedUser } from './unit-check.ts';

export const CONFIGURATION: StepName = { name: 'configuration', title: 'configuration', area: 'configuration' };

interface ReadConfiguration {
  readonly found: Found;
  /** Undefined if there is a cause. */
  readonly known: Known | undefined;
}

/** The first step, on which all others depend. */
export async function readConfiguration(request: Request): Promise<ReadConfiguration> {
  try {
    const file = await readConfigFile(request.file);
    const { config, problems } = examineConfig(file.content, file.directory);
    const findings = [
      ...file.findings,
      ...problems.map(({ path, error }) => ({ severity: 'error' as const, path, error })),
    ].map((finding) => placed(finding, file));
    if (!config || isCause({ findings })) return { found: { findings }, known: undefined };
    const roles = rolesIn(config, request.role);
    const user = await userIn(request);
    const names = roles.map(({ name }) => name).join(', ');
    const seen = [`${request.file}: ${roles.length === 1 ? 'role' : 'roles'} ${names}`];
    return { found: { seen, findings }, known: { file, config, roles, user, facts: [] } };
  } catch (error) {
    return { found: { findings: [asFinding(asCodedError(error))] }, known: undefined };
  }
}

function rolesIn({ roles }: Config, name: string | undefined): readonly RoleConfig[] {
  if (name === undefined) return roles;
  const named = roles.filter((role) => role.name === name);
  if (named.length > 0) return named;
  const names = roles.map((role) => role.name).join(', ');
  throw doctorError('DOCTOR_ROLE_UNKNOWN', `no role ${name} among ${names}`);
}

async function userIn({ user }: Request): Promise<Known['user']> {
  if (user === undefined) return undefined;
  const named = await namedUser(user);
  if (!named) throw doctorError('DOCTOR_USER_UNKNOWN', `there is no user ${user} on this host`);
  return named;
}
