import { diagnose } from '../doctor/diagnosis.ts';
import { diagnosisText } from '../doctor/diagnosis-text.ts';
import { systemClock } from '../foundation/clock.ts';
import { printable } from '../foundation/printable.ts';
import { writeReport } from './answer.ts';
import { sessionFromDaemon } from './daemon-session.ts';
import { pasteable } from './own-name.ts';
import { anyEndpoint } from './shell-variables.ts';
import { userAgent } from './version.ts';

export interface DoctorFlags {
  readonly role?: string;
  readonly user?: string;
  readonly dry?: boolean;
  readonly withProfile?: string;
  readonly json?: boolean;
}

/** @returns the exit code. */
export async function examine(file: string, flags: DoctorFlags): Promise<number> {
  const { role, user, withProfile, dry = false, json } = flags;
  const diagnosis = await diagnose({
    ...{ file, role, user, isDry: dry, withProfile, userAgent },
    ...{ environment: process.env, clock: systemClock },
    ports: { askSocket: sessionFromDaemon, anyEndpoint },
  });
  await writeReport(
    json
      ? `${printable(JSON.stringify(diagnosis, undefined, 2), '\\\\')}\n`
      : printable(pasteable(diagnosisText(diagnosis), process.env)),
  );
  return diagnosis.exitCode;
}
