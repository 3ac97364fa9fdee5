/**
 * Resolves with the first SIGTERM or SIGINT. A second one ends the process as usual, because the
 * handlers are gone.
 */
export async function signalToStop(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    process.once('SIGTERM', resolve);
    process.once('SIGINT', resolve);
  });
}
