import { errorFactory } from '../foundation/errors.ts';

/** Settings that keep a program from an endpoint: `imds-anywhere env --check`. */
export const environmentErrors = {
  ENV_IN_THE_WAY: 'Apply the fix printed below each finding, then check again.',
  ENV_STATIC_KEYS: 'Unset the variables with access keys: SDKs look there first.',
  ENV_WEB_IDENTITY:
    'Unset AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN: SDKs assume that role before they ask an endpoint.',
  ENV_PROFILE_CREDENTIALS:
    'Remove the credentials from that profile, or set AWS_PROFILE to a profile without credentials: profiles come before IMDS.',
  ENV_PROFILE_ROLE: 'Remove the role from that profile, or name a source with credentials for it.',
  ENV_PROFILE_MISSING: 'Unset AWS_PROFILE, or add that profile to the shared configuration file; it may be empty.',
  ENV_BOTO_FILE:
    'Remove the keys from that file, or unset the variable that names it: boto3 and the AWS CLI still read it.',
  ENV_JAVA_PROPERTY:
    'Remove the -Daws. properties from JAVA_TOOL_OPTIONS: SDKs for Java and Kotlin read them before variables.',
  ENV_EMPTY_VARIABLE: 'Unset the variable instead of setting it to an empty value, which some SDKs use.',
  ENV_VALUE_REJECTED: 'Unset the variable or remove the setting, or give it a value that every SDK accepts.',
  ENV_FILE_UNREADABLE:
    'Let the user read the file, or name another one with AWS_CONFIG_FILE or AWS_SHARED_CREDENTIALS_FILE.',
  ENV_FILE_MALFORMED: 'Correct or remove the line: some SDKs fail and others ignore it.',
  ENV_CONTAINER_CREDENTIALS:
    'Unset AWS_CONTAINER_CREDENTIALS_RELATIVE_URI and AWS_CONTAINER_CREDENTIALS_FULL_URI: SDKs ask there before IMDS.',
  ENV_CONTAINER_UNSET: 'Set AWS_CONTAINER_CREDENTIALS_FULL_URI as `imds-anywhere env --client` prints it.',
  ENV_CONTAINER_TOKEN:
    'Set AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE to the file that container.tokens names for this client.',
  ENV_CONTAINER_TOKEN_UNREADABLE:
    'Run the program as the owner of the file, or name its user or group in container.tokens. The file exists while the daemon runs.',
  ENV_METADATA_DISABLED: 'Unset AWS_EC2_METADATA_DISABLED; base images and CI systems often set it.',
  ENV_ENDPOINT_UNSET: 'Set AWS_EC2_METADATA_SERVICE_ENDPOINT as `imds-anywhere env` prints it.',
  ENV_ENDPOINT_ELSEWHERE:
    'Set AWS_EC2_METADATA_SERVICE_ENDPOINT to the address of the endpoint; choose it with `--config` and `--role`.',
  ENV_ENDPOINT_HTTPS: 'Write http:// instead of https://: the endpoint speaks no TLS.',
  ENV_ENDPOINT_NO_SCHEME: 'Write http:// before the address.',
  ENV_ENDPOINT_NOT_A_URL: 'Write http://, the address and the port, and nothing else.',
  ENV_ENDPOINT_PATH: 'Remove the path after the port: half of the SDKs ignore it, the others get 404.',
  ENV_ENDPOINT_MODE:
    'Unset AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE, or set it to IPv4 or IPv6; AWS_EC2_METADATA_SERVICE_ENDPOINT overrides it.',
  ENV_PROXY: 'Add the address of the endpoint to NO_PROXY and no_proxy; `imds-anywhere env` prints the lines.',
  ENV_REGION_UNSET:
    'Set both AWS_REGION and AWS_DEFAULT_REGION. With imds.region in the configuration, some SDKs ask the endpoint.',
  CREDENTIALS_FILE_NOT_WRITTEN:
    'Let this user write the file and its directory, or name another one with AWS_SHARED_CREDENTIALS_FILE. The file is unchanged.',
  CREDENTIALS_FILE_ENCODING:
    'Write the file in UTF-8: `iconv -f UTF-16 -t UTF-8 FILE > NEW`. No SDK reads another encoding. The file is unchanged.',
  CREDENTIALS_FILE_FOREIGN:
    'Use a regular file, or name another one with AWS_SHARED_CREDENTIALS_FILE: a link of another user could lead anywhere.',
} as const;

export type EnvironmentCode = keyof typeof environmentErrors;

export const environmentError = errorFactory(environmentErrors);
