// The service manager, the environment of programs, and what comes next for the certificate.

import { checkEnvironment } from '../environment/check-environment.ts';
import { afterEnv } from '../environment/endpoint-variables.ts';
import { environmentErrors } from '../environment/environment-errors.ts';
import { findingText } from '../environment/report.ts';
import type { Finding } from '../environment/sdk-settings.ts';
import { readSharedFiles } from '../environment/shared-files.ts';
import { fixLines } from '../environment/shell-lines.ts';
import { DAY_MS, isoSeconds } from '../foundation/clock.ts';
import { type UnitState, unitState } from '../platform/service-unit.ts';
import { dueAt } from '../renewal/schedule.ts';
import { renewalFindings } from './config-checks.ts';
import { doctorError } from './doctor-errors.ts';
import { asFinding, type Found, type Known, placed, type Request, type Step, type StepFinding } from './step.ts';

export const SERVICE: Step = { name: 'service', title: 'systemd unit or pod', area: 'endpoint', check: checkUnit };
export const CALLER: Step = { name: 'caller', title: 'environment of programs', area: 'program', check: checkCaller };
export const RENEWAL: Step = { name: 'renewal', title: 'renewal', area: 'renewal', check: checkRenewal };

async function checkUnit({ unit }: Known, { environment }: Request): Promise<Found> {
  if (unit) return judgedUnit(unit.name, await unitState(unit.name));
  if (environment['KUBERNETES_SERVICE_HOST']) return { seen: ['this is a pod'] };
  return { unchecked: ['there is no systemd unit that reads this file, and this is no pod'] };
}

/** Pure. */
export function judgedUnit(name: string, { active, result, restarts }: UnitState): Found {
  if (active === '') return { unchecked: [`the state of ${name}: systemctl does not say`] };
  const why = result === '' || result === 'success' ? '' : `, result ${result}`;
  const state = `${name} is ${active}${why}${restarts === 0 ? '' : `, restarted ${restarts} times`}`;
  if (['active', 'reloading'].includes(active)) return { seen: [state] };
  return { findings: [asFinding(doctorError('SERVICE_NOT_RUNNING', state))] };
}

/** An error is what remains after the lines of `env`. The rest is true of every shell without them. */
async function checkCaller({ config }: Known, { environment, ports }: Request): Promise<Found> {
  const endpoint = ports.anyEndpoint(config);
  if (!endpoint) return { unchecked: ['there is no endpoint for programs'] };
  const found = async (seen: Request['environment']): Promise<readonly Finding[]> =>
    checkEnvironment({ environment: seen, files: await readSharedFiles(seen), endpoint });
  const remaining = await found(afterEnv(environment, endpoint));
  if (remaining.some(isInTheWay)) return { findings: remaining.map(environmentFinding) };
  const unset = await found(environment);
  return {
    seen: [
      unset.length === 0 ? `programs started from here ask ${endpoint.url}` : `nothing here overrides ${endpoint.url}`,
    ],
    unchecked: unset.map(
      ({ what }) => `programs started from here, unless they get the lines of \`imds-anywhere env\`: ${what}`,
    ),
  };
}

/** A program can have its region elsewhere, such as in its code. */
function isInTheWay({ code }: Finding): boolean {
  return code !== 'ENV_REGION_UNSET';
}

function environmentFinding(finding: Finding): StepFinding {
  const remedy = `${environmentErrors[finding.code]} Type: ${fixLines(finding.fix, 'sh').join('; ')}`;
  return asFinding(
    { code: finding.code, message: findingText(finding), remedy },
    isInTheWay(finding) ? 'error' : 'warning',
  );
}

/** How long the certificate lasts, and who renews it. */
async function checkRenewal({ config, identity, file }: Known, { clock }: Request): Promise<Found> {
  const findings = (await renewalFindings(config.identity)).map((finding) => placed(finding, file));
  const { renew } = config.identity;
  if (!identity) return { findings, unchecked: ['the end of the certificate is not known'] };
  const days = ((identity.notAfter - clock.now()) / DAY_MS).toFixed(1);
  const who = renew
    ? `${renew.command[0]} renews it from ${isoSeconds(dueAt(identity, renew.at))}`
    : 'identity.renew is not set: another program must replace the files before then';
  return { seen: [`${days} days left, until ${isoSeconds(identity.notAfter)}`, who], findings };
}
