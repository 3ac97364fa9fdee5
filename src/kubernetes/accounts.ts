import type { KubernetesConfig } from '../config/config.ts';
import type { PodIdentity } from './pod-token.ts';

type Accounts = KubernetesConfig['roles'];

/** The names of the roles of a pod's service account. */
export function rolesOf(
  pod: Pick<PodIdentity, 'namespace' | 'serviceAccount'>,
  accounts: Accounts,
): ReadonlySet<string> {
  const own = accounts.filter(
    ({ namespace, serviceAccount }) => matches(namespace, pod.namespace) && matches(serviceAccount, pod.serviceAccount),
  );
  return new Set(own.map(({ role }) => role));
}

/** @param pattern - a name, or the start of one and `*`. */
function matches(pattern: string, name: string): boolean {
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}
