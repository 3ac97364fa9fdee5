import { errorFactory } from '../foundation/errors.ts';

/** What the container endpoint and its token files log; clients see a status and a fixed sentence, never these. */
export const containerErrors = {
  CONTAINER_TOKEN_REFUSED:
    'Give the client AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE with the file of its own that container.tokens names; a token copied from there lasts a day.',
  CONTAINER_ROLE_REFUSED: 'If the client is meant to have this role, add it to its roles in container.tokens.',
  CONTAINER_TOKEN_NOT_WRITTEN:
    'Let the daemon write in the directory of the token file; to give the file to another owner it has to be root. It is tried again every 30 seconds.',
  CONTAINER_TOKEN_OWNER_UNKNOWN:
    'Name a user and a group of this host, or their numbers. It is looked up again every 30 seconds.',
} as const;

export const containerError = errorFactory(containerErrors);
