// The scenarios of the matrix, in the order of its columns.
export const FIRST_CALL = 'first call';
export const V1_DISABLED = 'IMDSv1 disabled';
export const SLASH = 'endpoint with a slash';
export const RESTART = 'restart between token and read';
export const REGION = 'region';
export const SHORT_RENEWALS = 'three renewals of 40 s';
export const HOUR_RENEWALS = 'three renewals of an hour';
export const SERVICE_DOWN = 'service down, session valid';
export const NOTHING_YET = 'no session yet';
export const EXPIRED = 'session expired';
export const CONTAINER = 'container endpoint';
export const CONTAINER_EXPIRED = 'container endpoint, session expired';

export const TITLES = [
  FIRST_CALL,
  V1_DISABLED,
  SLASH,
  RESTART,
  REGION,
  SHORT_RENEWALS,
  HOUR_RENEWALS,
  SERVICE_DOWN,
  NOTHING_YET,
  EXPIRED,
  CONTAINER,
  CONTAINER_EXPIRED,
] as const;
