// The thread that reads certificate and key files: see identityInThread.
import { parentPort, workerData } from 'node:worker_threads';
import { partsOf, threadReport } from '../foundation/thread.ts';
import type { ClonedIdentity, IdentityThreadInput } from './identity-in-thread.ts';
import { loadIdentity } from './load-identity.ts';

const { config, context } = workerData as IdentityThreadInput;

async function work(): Promise<ClonedIdentity> {
  const { identity, warnings } = await loadIdentity(config, context);
  return { identity, warnings: warnings.map(partsOf) };
}

void threadReport(work).then((report) => parentPort?.postMessage(report));
