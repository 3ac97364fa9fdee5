import type { FormProblem } from './check-form.ts';
import type { KubernetesConfig, RoleConfig } from './config.ts';
import { configError } from './config-errors.ts';

// With `container.kubernetes.sessionTags`, the session of a second role says which service account
// it is for, in the tags of EKS. A session is shared by all pods of an account, so there is no tag
// for the pod. IAM Roles Anywhere takes no tags, so a role needs `assume`.

const [NAMESPACE, ACCOUNT] = ['kubernetes-namespace', 'kubernetes-service-account'];

/** The roles with the tags of their accounts. Tags that the operator wrote stay. */
export function withAccountTags(roles: readonly RoleConfig[], kubernetes: KubernetesConfig | undefined): RoleConfig[] {
  return roles.map((role) => {
    const account = kubernetes?.sessionTags ? kubernetes.roles.find((one) => one.role === role.name) : undefined;
    if (!role.assume || !account) return role;
    const tags = { [NAMESPACE]: account.namespace, [ACCOUNT]: account.serviceAccount, ...role.assume.tags };
    return { ...role, assume: { ...role.assume, tags } };
  });
}

/** A role whose session cannot name one account. */
export function accountTagProblems(
  roles: readonly RoleConfig[],
  kubernetes: Pick<KubernetesConfig, 'roles' | 'sessionTags'> | undefined,
): FormProblem[] {
  if (!kubernetes?.sessionTags) return [];
  return kubernetes.roles.flatMap(({ namespace, serviceAccount, role: name }, index) => {
    const role = roles.find((one) => one.name === name);
    const isShared = kubernetes.roles.findIndex((one) => one.role === name) < index;
    const what = (why: string): FormProblem[] => [
      {
        path: ['container', 'kubernetes', 'roles', index],
        about: [['roles']],
        error: configError('CONFIG_WRONG_VALUE', `sessionTags needs a role with "assume" for each account: ${why}`),
      },
    ];
    if (!role) return [];
    if (!role.assume) return what(`role ${name} has none`);
    if (`${namespace}${serviceAccount}`.includes('*')) return what(`${namespace}/${serviceAccount} is a pattern`);
    return isShared ? what(`role ${name} is for several accounts`) : [];
  });
}
