import { errorFactory } from '../foundation/errors.ts';

/** What stands between a program and a door: `imds-anywhere env --check`. */
export const environmentErrors = {
  ENV_IN_THE_WAY: 'Each finding is printed with the clients it hurts and the line that mends it.',
  ENV_STATIC_KEYS: 'Unset AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN: SDKs look there first.',
  ENV_WEB_IDENTITY: 'Unset AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN: SDKs assume that role before they ask a door.',
  ENV_PROFILE_CREDENTIALS:
    'Take the credentials out of that profile, or choose a profile without any by AWS_PROFILE: what a profile says comes before IMDS.',
  ENV_PROFILE_MISSING:
    'Unset AWS_PROFILE, or write that profile, which may be empty, into the shared configuration file.',
  ENV_EMPTY_VARIABLE: 'Unset it instead of setting it to nothing: boto3 and the AWS CLI take an empty one at its word.',
  ENV_FILE_UNREADABLE:
    'Let the user read the file, or name another one by AWS_CONFIG_FILE or AWS_SHARED_CREDENTIALS_FILE.',
  ENV_FILE_MALFORMED: 'Mend the line named: some SDKs end with an error and others pass it over.',
  ENV_CONTAINER_CREDENTIALS:
    'Unset AWS_CONTAINER_CREDENTIALS_RELATIVE_URI and AWS_CONTAINER_CREDENTIALS_FULL_URI: where one is set, most SDKs never ask IMDS.',
  ENV_CONTAINER_UNSET: 'Set AWS_CONTAINER_CREDENTIALS_FULL_URI as `imds-anywhere env --client` prints it.',
  ENV_CONTAINER_TOKEN:
    'Set AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE to the file that container.tokens names for this client.',
  ENV_CONTAINER_TOKEN_UNREADABLE:
    'Run the program as the owner of the file, or name its user or group in container.tokens; the daemon has to run for the file to be there.',
  ENV_METADATA_DISABLED: 'Unset AWS_EC2_METADATA_DISABLED; base images and CI systems like to set it.',
  ENV_ENDPOINT_UNSET: 'Set AWS_EC2_METADATA_SERVICE_ENDPOINT as `imds-anywhere env` prints it.',
  ENV_ENDPOINT_ELSEWHERE:
    'Set AWS_EC2_METADATA_SERVICE_ENDPOINT to the address of the door; `--config` and `--role` say which.',
  ENV_ENDPOINT_HTTPS:
    'Write http://: a door listens on loopback and speaks no TLS, and no SDK speaks TLS to IMDS reliably.',
  ENV_ENDPOINT_NO_SCHEME: 'Write http:// before the address.',
  ENV_ENDPOINT_NOT_A_URL: 'Write http://, the address and the port, and nothing else.',
  ENV_ENDPOINT_PATH: 'End the endpoint with the port: half of the SDKs drop a path, the others ask where nothing is.',
  ENV_ENDPOINT_TRAILING_SLASH: 'End the endpoint with the port: some SDKs double the slash.',
  ENV_ENDPOINT_MODE:
    'Unset AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE, which says nothing beside an endpoint; it must be IPv4 or IPv6.',
  ENV_PROXY: 'Add the address of the door to NO_PROXY and no_proxy; `imds-anywhere env` prints the lines.',
  ENV_REGION_UNSET:
    'Set both AWS_REGION and AWS_DEFAULT_REGION, or the region of the profile; imds.region helps those SDKs that ask IMDS for it.',
  CREDENTIALS_FILE_NOT_WRITTEN:
    'Let this user write the file and its directory, or name another one by AWS_SHARED_CREDENTIALS_FILE; the file is as it was.',
  CREDENTIALS_FILE_FOREIGN:
    'Put a regular file there, or name another one by AWS_SHARED_CREDENTIALS_FILE: a link of somebody else could lead anywhere.',
} as const;

export type EnvironmentCode = keyof typeof environmentErrors;

export const environmentError = errorFactory(environmentErrors);
