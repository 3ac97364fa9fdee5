import type { Client } from '../../src/environment/clients.ts';

/** An environment, its findings, and so the affected clients. */
export interface Example {
  readonly title: string;
  readonly codes: readonly string[];
  /**
   * Added to the variables of `imds-anywhere env`; undefined unsets a variable. `$URL`, `$HOME` and
   * others are replaced.
   */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** In the home directory. */
  readonly files?: Readonly<Record<string, string>>;
  /** It names missing credentials, which some clients ignore. */
  readonly isBrokenSource?: true;
  /** Their requests would leave this machine. */
  readonly without?: readonly Client[];
}

type Variables = Readonly<Record<string, string | undefined>>;

const KEYS = 'aws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = marked\n';
const ROLE = 'arn:aws:iam::123456789012:role/x';
const PROCESS = `{"Version":1,"AccessKeyId":"AKIA1","SecretAccessKey":"x","SessionToken":"y","Expiration":"2099-01-01T00:00:00Z"}`;

const variables = (codes: readonly string[], ...environments: readonly Variables[]): Example[] =>
  environments.map((environment) => ({ title: shown(environment), codes, environment }));
const config = (codes: readonly string[], ...texts: readonly string[]): Example[] =>
  texts.map((text) => ({ title: `config: ${text.replaceAll('\n', ' | ')}`, codes, files: { '.aws/config': text } }));
const broken = (example: Example): Example => ({ ...example, isBrokenSource: true });
const withoutThose =
  (...clients: readonly Client[]) =>
  (example: Example): Example => ({ ...example, without: clients });
const each = (name: string, ...values: readonly (string | undefined)[]): Variables[] =>
  values.map((value) => ({ [name]: value }));

function shown(environment: Variables): string {
  return Object.entries(environment)
    .map(([name, value]) => `${name}=${value === undefined ? '(unset)' : JSON.stringify(value)}`)
    .join(' ');
}

const GOOD: readonly Example[] = [
  { title: 'what env sets', codes: [] },
  ...variables(
    [],
    ...each('AWS_EC2_METADATA_SERVICE_ENDPOINT', '$URL/', '$URL//', 'http://localhost:$PORT'),
    ...each('AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE', 'ipv6', 'IPv4'),
    ...each('AWS_METADATA_SERVICE_TIMEOUT', '3', ' 3 '),
    ...each('AWS_METADATA_SERVICE_NUM_ATTEMPTS', '3'),
    ...each('AWS_EC2_METADATA_V1_DISABLED', 'false', ''),
    ...each('AWS_CONTAINER_AUTHORIZATION_TOKEN', ''),
    ...each('AWS_ACCESS_KEY', 'AKIA1'),
    ...each('AWS_SECRET_ACCESS_KEY', 'x'),
    ...each('AWS_SESSION_TOKEN', 'x'),
    ...each('AWS_ROLE_ARN', ROLE),
    ...each('BOTO_CONFIG', '', '/nonexistent'),
    ...each('AWS_RETRY_MODE', 'adaptive'),
    ...each('AWS_CONFIG_FILE', '/nonexistent', ''),
    ...each('AWS_EXECUTION_ENV', 'x'),
    { AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '' },
    { HTTPS_PROXY: '$PROXY' },
  ),
  ...variables(
    [],
    { HTTP_PROXY: '$PROXY', NO_PROXY: '127.0.0.1' },
    { http_proxy: '$PROXY', no_proxy: 'x, 127.0.0.1' },
  ).map(withoutThose('CRT')),
  ...config(
    [],
    '# x\n; y\n\n[default] # z\ns3 =\n  max_concurrent_requests = 4\noutput = json\n',
    '[profile other]\naws_access_key_id = A\naws_secret_access_key = B\n',
    '[default]\nregion = us-east-1 # c\n',
    '[default]\nexternal_id = x\n',
  ),
  { title: 'keys in a profile that is not used', codes: [], files: { '.aws/credentials': `[other]\n${KEYS}` } },
  { title: 'a file of boto without keys', codes: [], files: { '.boto': '[Boto]\ndebug = 0\n' } },
];

const KEYS_IN_VARIABLES = variables(
  ['ENV_STATIC_KEYS'],
  { AWS_ACCESS_KEY_ID: 'AKIA1', AWS_SECRET_ACCESS_KEY: 'x' },
  { AWS_ACCESS_KEY_ID: 'AKIA1' },
  { AWS_ACCESS_KEY_ID: 'AKIA1', AWS_SECRET_ACCESS_KEY: '' },
  { AWS_ACCESS_KEY_ID: ' ', AWS_SECRET_ACCESS_KEY: ' ' },
  { AWS_ACCESS_KEY: 'AKIA1', AWS_SECRET_KEY: 'x' },
  { AWS_ACCESS_KEY_ID: 'AKIA1', AWS_SECRET_KEY: 'x' },
  { AWS_ACCESS_KEY: 'AKIA1', AWS_SECRET_ACCESS_KEY: 'x' },
  { AWS_ACCESS_KEY_ID: 'AKIA1', SECRET_ACCESS_KEY: 'x' },
  { AMAZON_ACCESS_KEY_ID: 'AKIA1', AMAZON_SECRET_ACCESS_KEY: 'x' },
);

const SWITCHES: readonly Example[] = [
  ...variables(
    ['ENV_METADATA_DISABLED'],
    ...each('AWS_EC2_METADATA_DISABLED', 'true', 'TRUE', '1', '0', 'no', 'yes', 'false', 'False', ' true', ''),
  ),
  ...variables(
    ['ENV_VALUE_REJECTED'],
    ...each('AWS_METADATA_SERVICE_NUM_ATTEMPTS', '0', 'x', '', '-1', '1.5'),
    ...each('AWS_METADATA_SERVICE_TIMEOUT', '0', 'abc', '', '-1', '1.5'),
    ...each('AWS_MAX_ATTEMPTS', '0', 'x', ''),
    ...each('AWS_RETRY_MODE', 'x', '', 'legacy', 'STANDARD'),
    ...each('AWS_DEFAULTS_MODE', 'x', ''),
    ...each('AWS_STS_REGIONAL_ENDPOINTS', 'x', ''),
    ...each('AWS_USE_FIPS_ENDPOINT', 'x', '1', ''),
    ...each('AWS_USE_DUALSTACK_ENDPOINT', '1'),
    ...each('AWS_EC2_METADATA_V1_DISABLED', '1'),
  ),
  ...config(
    ['ENV_VALUE_REJECTED'],
    '[default]\nmetadata_service_num_attempts = x\n',
    '[default]\nmetadata_service_timeout = x\n',
    '[default]\nmax_attempts = x\n',
    '[default]\nretry_mode = x\n',
    '[default]\ndefaults_mode = x\n',
    '[default]\nsts_regional_endpoints = x\n',
    '[default]\nuse_fips_endpoint = x\n',
    '[default]\nuse_dualstack_endpoint = x\n',
  ),
  ...variables(['ENV_ENDPOINT_MODE'], ...each('AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE', 'dual', '')),
  ...config(['ENV_ENDPOINT_MODE'], '[default]\nec2_metadata_service_endpoint_mode = x\n'),
  ...variables(['ENV_EMPTY_VARIABLE'], ...each('AWS_PROFILE', ''), ...each('AWS_DEFAULT_PROFILE', '')),
  ...variables(['ENV_EMPTY_VARIABLE'], ...each('AWS_CONTAINER_CREDENTIALS_FULL_URI', '')),
];

const ENDPOINTS: readonly Example[] = [
  ...variables(['ENV_ENDPOINT_NO_SCHEME'], ...each('AWS_EC2_METADATA_SERVICE_ENDPOINT', '$ADDRESS', 'localhost:$PORT')),
  ...variables(['ENV_ENDPOINT_HTTPS'], ...each('AWS_EC2_METADATA_SERVICE_ENDPOINT', 'https://$ADDRESS')),
  ...variables(['ENV_ENDPOINT_ELSEWHERE'], ...each('AWS_EC2_METADATA_SERVICE_ENDPOINT', 'http://127.0.0.1:1')),
  ...variables(['ENV_ENDPOINT_PATH'], ...each('AWS_EC2_METADATA_SERVICE_ENDPOINT', '$URL/role', '$URL/latest')),
];

const NETWORK: readonly Example[] = [
  ...variables(
    ['ENV_PROXY'],
    { HTTP_PROXY: '$PROXY' },
    { http_proxy: '$PROXY' },
    { ALL_PROXY: '$PROXY' },
    { HTTP_PROXY: '$PROXY', http_proxy: '' },
    { HTTP_PROXY: '$PROXY', NO_PROXY: 'localhost' },
    { HTTP_PROXY: '$PROXY', NO_PROXY: '*' },
    { HTTP_PROXY: '$PROXY', NO_PROXY: '127.0.0.0/8' },
    { HTTP_PROXY: '$PROXY', NO_PROXY: '127.0.0.1', no_proxy: 'x' },
    { HTTP_PROXY: '$PROXY', NO_PROXY: 'x', no_proxy: '127.0.0.1' },
  ).map(withoutThose('CRT')),
  ...variables(
    ['ENV_REGION_UNSET'],
    { AWS_REGION: undefined, AWS_DEFAULT_REGION: undefined },
    { AWS_REGION: undefined },
    { AWS_DEFAULT_REGION: undefined },
    { AWS_REGION: '', AWS_DEFAULT_REGION: 'us-east-1' },
    { AWS_REGION: ' ', AWS_DEFAULT_REGION: ' ' },
  ),
  {
    title: 'a region in the profile only',
    codes: ['ENV_REGION_UNSET'],
    environment: { AWS_REGION: undefined, AWS_DEFAULT_REGION: undefined },
    files: { '.aws/config': '[default]\nregion = us-east-1\n' },
  },
  ...variables(
    ['ENV_CONTAINER_CREDENTIALS'],
    ...each('AWS_CONTAINER_CREDENTIALS_FULL_URI', 'http://127.0.0.1:1/x', ' '),
  ).map(broken),
  ...variables(
    ['ENV_CONTAINER_TOKEN_UNREADABLE'],
    ...each('AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE', '', '/nonexistent'),
  ),
  ...variables(['ENV_JAVA_PROPERTY'], ...each('JAVA_TOOL_OPTIONS', '-Daws.disableEc2Metadata=true')).map(broken),
];

const OTHER_SOURCES: readonly Example[] = [
  ...variables(['ENV_WEB_IDENTITY'], { AWS_WEB_IDENTITY_TOKEN_FILE: '/nonexistent', AWS_ROLE_ARN: ROLE }).map(broken),
  ...variables(['ENV_WEB_IDENTITY'], ...each('AWS_WEB_IDENTITY_TOKEN_FILE', '/nonexistent')),
  ...variables(['ENV_WEB_IDENTITY'], { AWS_WEB_IDENTITY_TOKEN_FILE: '', AWS_ROLE_ARN: ROLE }),
  ...variables(
    ['ENV_PROFILE_MISSING'],
    ...each('AWS_PROFILE', 'gone', ' ', 'default'),
    ...each('AWS_DEFAULT_PROFILE', 'gone'),
  ),
  {
    title: 'a profile of the configuration without its prefix',
    codes: ['ENV_PROFILE_MISSING'],
    environment: { AWS_PROFILE: 'ci' },
    files: { '.aws/config': '[ci]\noutput = json\n' },
  },
  {
    title: 'keys in the profile that is used',
    codes: ['ENV_PROFILE_CREDENTIALS'],
    environment: { AWS_PROFILE: 'other' },
    files: { '.aws/credentials': `[other]\n${KEYS}` },
  },
  {
    title: 'keys in the profile of the older variable',
    codes: ['ENV_PROFILE_CREDENTIALS'],
    environment: { AWS_DEFAULT_PROFILE: 'other' },
    files: { '.aws/credentials': `[other]\n${KEYS}` },
  },
  { title: 'keys', codes: ['ENV_PROFILE_CREDENTIALS'], files: { '.aws/credentials': `[default]\n${KEYS}` } },
  {
    title: 'half of the keys',
    codes: ['ENV_PROFILE_CREDENTIALS'],
    files: { '.aws/credentials': '[default]\naws_access_key_id = AKIA1\n' },
  },
  {
    title: 'empty keys',
    codes: ['ENV_PROFILE_CREDENTIALS'],
    files: { '.aws/credentials': '[default]\naws_access_key_id =\naws_secret_access_key =\n' },
  },
  ...config(
    ['ENV_PROFILE_CREDENTIALS'],
    `[default]\n${KEYS}`,
    `[profile default]\n${KEYS}`,
    '[default]\naws_access_key_id = AKIA1\n',
    '[default]\naws_secret_access_key = x\n',
    '[default]\nsso_region = eu-central-1\n',
    '[default]\nweb_identity_token_file = /nonexistent\n',
    `[default]\ncredential_process = echo '${PROCESS}'\n`,
  ),
  {
    title: 'keys in the configuration, which all load',
    codes: ['ENV_PROFILE_CREDENTIALS'],
    environment: { AWS_SDK_LOAD_CONFIG: '1' },
    files: { '.aws/config': `[default]\n${KEYS}` },
  },
  ...config(
    ['ENV_PROFILE_CREDENTIALS'],
    '[default]\ncredential_process = /nonexistent\n',
    `[default]\nrole_arn = ${ROLE}\nweb_identity_token_file = /nonexistent\n`,
    '[default]\nlogin_session = x\n',
  ).map(broken),
  ...config(
    ['ENV_PROFILE_CREDENTIALS', 'ENV_PROFILE_CREDENTIALS'],
    '[default]\nsso_start_url = https://x.example/start\nsso_region = eu-central-1\nsso_account_id = 123456789012\nsso_role_name = x\n',
  ).map(broken),
  ...config(['ENV_PROFILE_CREDENTIALS'], `[default]\nrole_arn = ${ROLE}\nsource_profile = b\n[profile b]\n${KEYS}`)
    .map(broken)
    .map(withoutThose('CRT', 'Java v2', 'Kotlin')),
  ...config(
    ['ENV_PROFILE_ROLE'],
    `[default]\nrole_arn = ${ROLE}\n`,
    `[default]\nrole_arn = ${ROLE}\nsource_profile = default\n`,
    `[default]\nrole_arn = ${ROLE}\nsource_profile = gone\n`,
    `[default]\nrole_arn = ${ROLE}\nsource_profile = b\n[profile b]\nrole_arn = ${ROLE}\nsource_profile = default\n`,
    `[default]\nrole_arn = ${ROLE}\ncredential_source = Nonsense\n`,
    '[default]\ncredential_source = Ec2InstanceMetadata\n',
    `[default]\nsource_profile = b\n[profile b]\n${KEYS}`,
  ),
  {
    title: 'keys in the file of AWS_SHARED_CREDENTIALS_FILE',
    codes: ['ENV_PROFILE_CREDENTIALS'],
    environment: { AWS_SHARED_CREDENTIALS_FILE: '$HOME/elsewhere' },
    files: { elsewhere: `[default]\n${KEYS}` },
  },
  {
    title: 'keys in ~/.aws/credentials next to AWS_SHARED_CREDENTIALS_FILE',
    codes: ['ENV_PROFILE_CREDENTIALS'],
    environment: { AWS_SHARED_CREDENTIALS_FILE: '$HOME/elsewhere' },
    files: { elsewhere: '', '.aws/credentials': `[default]\n${KEYS}` },
  },
  {
    title: 'keys in the file of AWS_SHARED_CREDENTIALS_FILE, which all load',
    codes: ['ENV_PROFILE_CREDENTIALS'],
    environment: { AWS_SHARED_CREDENTIALS_FILE: '$HOME/elsewhere', AWS_SDK_LOAD_CONFIG: '1' },
    files: { elsewhere: `[default]\n${KEYS}` },
  },
  {
    title: 'keys in ~/.aws/credentials, which no client loads',
    codes: [],
    environment: { AWS_SHARED_CREDENTIALS_FILE: '$HOME/elsewhere', AWS_SDK_LOAD_CONFIG: '1' },
    files: { elsewhere: '', '.aws/credentials': `[default]\n${KEYS}` },
  },
  ...boto(),
];

function boto(): Example[] {
  const codes = ['ENV_BOTO_FILE'];
  return [
    { title: '~/.boto', codes, files: { '.boto': `[Credentials]\n${KEYS}` } },
    { title: '~/.boto, half a pair', codes, files: { '.boto': '[Credentials]\naws_access_key_id = A\n' } },
    { title: '~/.boto, malformed', codes, files: { '.boto': 'nonsense\n' } },
    {
      title: 'BOTO_CONFIG',
      codes,
      environment: { BOTO_CONFIG: '$HOME/b' },
      files: { b: `[Credentials]\n${KEYS}` },
    },
    ...variables(codes, ...each('AWS_CREDENTIAL_FILE', '/etc/none', '')),
    {
      title: 'AWS_CREDENTIAL_FILE with keys',
      codes,
      environment: { AWS_CREDENTIAL_FILE: '$HOME/c' },
      files: { c: 'AWSAccessKeyId=A\nAWSSecretKey=B\n' },
    },
    {
      title: 'AWS_CREDENTIAL_FILE with half a pair',
      codes,
      environment: { AWS_CREDENTIAL_FILE: '$HOME/c' },
      files: { c: 'AWSAccessKeyId=A\n' },
    },
  ];
}

const MALFORMED = config(
  ['ENV_FILE_MALFORMED'],
  '[default]\noutput = json\noutput = text\n',
  '[default]\noutput = json\n[default]\noutput = text\n',
  '[default]\nnonsense\n',
  'output = json\n',
  '[default]\n = x\n',
  '[default]\nother =\n  nonsense\n',
  '\uFEFF[default]\n',
  ' [default]\n',
);

/**
 * One per row of the rules in src/environment/rules.ts. An unset variable, or RELATIVE_URI, would
 * lead to 169.254.169.254.
 */
export const EXAMPLES: readonly Example[] = [
  ...[GOOD, KEYS_IN_VARIABLES, SWITCHES, ENDPOINTS, NETWORK, OTHER_SOURCES, MALFORMED].flat(),
];
