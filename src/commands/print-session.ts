import { isoSeconds } from '../foundation/clock.ts';
import { writeAnswer } from './answer.ts';
import type { HandedSession } from './daemon-session.ts';
import { reportFailure } from './failure.ts';

/** Prints a session, or why there is none. @returns the exit code. */
export async function printSession(get: () => Promise<HandedSession>): Promise<number> {
  try {
    await writeSession(await get());
    return 0;
  } catch (error) {
    return reportFailure(error);
  }
}

/** Prints a session in the form of `credential_process`. @throws CodedError OUTPUT_NOT_WRITTEN */
export async function writeSession(session: HandedSession): Promise<void> {
  await writeAnswer(`${JSON.stringify(credentialProcessDocument(session))}\n`);
}

/** AWS SDKs and Tools Reference, "Process credential provider". */
function credentialProcessDocument(session: HandedSession): object {
  return {
    Version: 1,
    AccessKeyId: session.accessKeyId,
    SecretAccessKey: session.secretAccessKey.reveal(),
    SessionToken: session.sessionToken.reveal(),
    Expiration: isoSeconds(session.expiration),
  };
}
