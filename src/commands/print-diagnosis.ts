import { diagnose, type Diagnosis } from '../doctor/diagnosis.ts';
import { diagnosisText } from '../doctor/diagnosis-text.ts';
import { doctorError } from '../doctor/doctor-errors.ts';
import { systemClock } from '../foundation/clock.ts';
import { printable } from '../foundation/printable.ts';
import { userAgent } from '../foundation/version.ts';
import { jsonText, writeReport } from './answer.ts';
import { sessionFromDaemon } from './daemon-session.ts';
import { pasteable } from './own-name.ts';
import { anyEndpoint } from './shell-variables.ts';
import { placeIn, requestStatus } from './status-request.ts';

export interface DoctorFlags {
  readonly role?: string;
  readonly user?: string;
  readonly dry?: boolean;
  readonly withProfile?: string;
  readonly bundle?: string;
  readonly fromBundle?: string;
  readonly json?: boolean;
}

/** @returns the exit code. */
export async function examine(file: string | undefined, flags: DoctorFlags): Promise<number> {
  const diagnosis = await diagnosisOf(file, flags);
  await writeReport(flags.json ? jsonText(diagnosis) : printable(pasteable(diagnosisText(diagnosis), process.env)));
  return diagnosis.exitCode;
}

async function diagnosisOf(file: string | undefined, flags: DoctorFlags): Promise<Diagnosis> {
  const { role, user, withProfile, dry = false, bundle, fromBundle } = flags;
  if ((file === undefined) === (fromBundle === undefined))
    throw doctorError('DOCTOR_NOTHING_NAMED', 'doctor needs either a configuration file or --from-bundle');
  if (fromBundle !== undefined) return (await import('../doctor/support-bundle.ts')).readBundle(fromBundle);
  const { diagnosis, known } = await diagnose({
    ...{ file: file ?? '', role, user, isDry: dry, withProfile, userAgent },
    ...{ environment: process.env, clock: systemClock },
    ports: { askSocket: sessionFromDaemon, askStatus: (admin) => requestStatus(placeIn(admin)), anyEndpoint },
  });
  if (bundle !== undefined)
    await (await import('../doctor/support-bundle.ts')).writeBundle(bundle, diagnosis, known, process.env);
  return diagnosis;
}
