import { errorFactory } from '../foundation/errors.ts';

/**
 * Log messages about the service account tokens of pods and the keys of their cluster. Clients see
 * only a status and a fixed sentence.
 */
export const kubernetesErrors = {
  POD_TOKEN_INVALID:
    'Set AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE of the pod to the token of a projected volume: docs/kubernetes.md.',
  POD_TOKEN_KEY_UNKNOWN:
    'Compare container.kubernetes.jwks with the cluster that issued the token. After a rotation of keys, the daemon reads them again within 30 seconds.',
  POD_TOKEN_EXPIRED: 'Let the program read the token file at each use. If its pod is gone, ignore this line.',
  POD_TOKEN_EARLY: 'Set the clock of this node: the token is not valid yet.',
  POD_TOKEN_FOREIGN:
    'Compare issuer and audience of container.kubernetes with the token, which must be of a pod of this node: docs/kubernetes.md.',
  POD_TOKEN_TOO_LONG: 'Set expirationSeconds of the projected token to 86400 or less.',
  POD_ROLE_NOT_MAPPED: 'If the service account needs a role, add it to container.kubernetes.roles.',
  POD_SESSIONS_FULL:
    'Wait for the sessions of ended pods to expire, or give short-lived pods one session for their account: container.kubernetes.sessionTags: true.',
  CLUSTER_KEYS_UNAVAILABLE:
    'Check container.kubernetes.jwks and the API server: `kubectl get --raw /openid/v1/jwks`. Known keys stay in use. The daemon tries again automatically.',
  CLUSTER_KEYS_FORBIDDEN:
    'Bind the ClusterRole system:service-account-issuer-discovery to the service account of the daemon, and set automountServiceAccountToken: true in its pod.',
  CLUSTER_KEYS_INVALID:
    'Point container.kubernetes.jwks at a JSON Web Key Set with RSA or EC keys, as `kubectl get --raw /openid/v1/jwks` prints it. Known keys stay in use.',
  NODE_NAME_UNKNOWN:
    'Set the variable from spec.nodeName in the manifest (fieldRef), or set container.kubernetes.node: any.',
  CLUSTER_UNKNOWN:
    'Run in a pod, where Kubernetes sets KUBERNETES_SERVICE_HOST, or set container.kubernetes.jwks to a file or url.',
} as const;

export const kubernetesError = errorFactory(kubernetesErrors, 'refused', {
  CLUSTER_KEYS_UNAVAILABLE: 'transient',
  POD_SESSIONS_FULL: 'transient',
  NODE_NAME_UNKNOWN: 'configuration',
  CLUSTER_UNKNOWN: 'configuration',
});
