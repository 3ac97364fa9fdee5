// The scenarios of the matrix, in the order of its columns.
export const FIRST_CALL = 'first call';
export const V1_DISABLED = 'IMDSv1 disabled';
export const SLASH = 'endpoint with a slash';
export const RESTART = 'restart between token and read';
export const REGION = 'region';
export const RENEWALS = 'three renewals';
export const SERVICE_DOWN = 'service down, session valid';
export const NOTHING_YET = 'no session yet';
export const EXPIRED = 'session expired';

export const TITLES = [
  FIRST_CALL,
  V1_DISABLED,
  SLASH,
  RESTART,
  REGION,
  RENEWALS,
  SERVICE_DOWN,
  NOTHING_YET,
  EXPIRED,
] as const;
