import { ConfigInvalid } from '../../src/config/config-errors.ts';
import { CodedError, messageOf } from '../../src/foundation/errors.ts';

/** The text of a CodedError; empty without one. Rethrows other errors, because they are bugs. */
export async function wordsOf(work: () => unknown): Promise<string> {
  try {
    await work();
    return '';
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    const problems = error instanceof ConfigInvalid ? error.problems.map((problem) => problem.error.message) : [];
    return [error.message, error.remedy, messageOf(error.cause), ...problems].join('\n');
  }
}
