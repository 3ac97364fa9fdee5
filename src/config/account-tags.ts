import type { FormProblem } from './check-form.ts';
import type { KubernetesConfig, RoleConfig } from './config.ts';
import { configError } from './config-errors.ts';

// With `container.kubernetes.sessionTags`, the session of a second role says which service account
// it is for, in the tags of EKS. IAM Roles Anywhere takes no tags, so a role needs `assume`.
// `true`: all pods of an account share one session. `pod`: each pod has its own, with its name.

const NAMESPACE = 'kubernetes-namespace';
const ACCOUNT = 'kubernetes-service-account';
const POD = 'kubernetes-pod-name';

/** The roles with the tags of their accounts. Tags that the operator wrote stay. */
export function withAccountTags(roles: readonly RoleConfig[], kubernetes: KubernetesConfig | undefined): RoleConfig[] {
  return roles.map((role) => {
    const account =
      kubernetes?.sessionTags === true ? kubernetes.roles.find((one) => one.role === role.name) : undefined;
    return account ? withTags(role, { [NAMESPACE]: account.namespace, [ACCOUNT]: account.serviceAccount }) : role;
  });
}

/** The role with the tags of one pod. */
export function withPodTags(
  role: RoleConfig,
  pod: { readonly namespace: string; readonly serviceAccount: string; readonly pod: string },
): RoleConfig {
  return withTags(role, { [NAMESPACE]: pod.namespace, [ACCOUNT]: pod.serviceAccount, [POD]: pod.pod });
}

function withTags(role: RoleConfig, tags: Readonly<Record<string, string>>): RoleConfig {
  const { assume } = role;
  return assume ? { ...role, assume: { ...assume, tags: { ...tags, ...assume.tags } } } : role;
}

/** A role whose session cannot name its account, or its pod. */
export function accountTagProblems(
  roles: readonly RoleConfig[],
  kubernetes: Pick<KubernetesConfig, 'roles' | 'sessionTags'> | undefined,
): FormProblem[] {
  if (!kubernetes?.sessionTags) return [];
  const { sessionTags } = kubernetes;
  const needed = sessionTags === 'pod' ? 'roles with "assume"' : 'a role with "assume" for each account';
  return kubernetes.roles.flatMap(({ namespace, serviceAccount, role: name }, index) => {
    const role = roles.find((one) => one.name === name);
    const isShared = kubernetes.roles.findIndex((one) => one.role === name) < index;
    const what = (why: string): FormProblem[] => [
      {
        path: ['container', 'kubernetes', 'roles', index],
        about: [['roles']],
        error: configError('CONFIG_WRONG_VALUE', `sessionTags: ${String(sessionTags)} needs ${needed}: ${why}`),
      },
    ];
    if (!role) return [];
    if (!role.assume) return what(`role ${name} has none`);
    if (sessionTags === 'pod') return [];
    if (`${namespace}${serviceAccount}`.includes('*')) return what(`${namespace}/${serviceAccount} is a pattern`);
    return isShared ? what(`role ${name} is for several accounts`) : [];
  });
}
