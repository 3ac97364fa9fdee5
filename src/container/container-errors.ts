import { errorFactory } from '../foundation/errors.ts';

/**
 * Log messages of the container endpoint and its token files. Clients see only a status and a fixed
 * sentence.
 */
export const containerErrors = {
  CONTAINER_TOKEN_REFUSED:
    'Set AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE of the client to its own file in container.tokens. A copied token expires after a day, unless the client has rotate: false.',
  CONTAINER_ROLE_REFUSED:
    'If the client needs this role, add the role to its roles in container.tokens. For a pod, add its service account with this role to container.kubernetes.roles.',
  CONTAINER_TOKEN_NOT_WRITTEN:
    'Let the daemon write in the directory of the token file. It must be root to set another owner. Retrying every 30 seconds.',
  CONTAINER_TOKEN_OWNER_UNKNOWN:
    'Use a user and a group of this host, or their numbers. They are looked up again every 30 seconds.',
} as const;

export const containerError = errorFactory(containerErrors);
