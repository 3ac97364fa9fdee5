import { type Client, pinned, type Place, printedVersion } from './client.ts';
import {
  CONTAINER,
  CONTAINER_EXPIRED,
  FIRST_CALL,
  HOUR_RENEWALS,
  REGION,
  RESTART,
  SERVICE_DOWN,
  SHORT_RENEWALS,
  SLASH,
  V1_DISABLED,
} from './titles.ts';

/** The variable exists since the releases of late 2023. */
const NO_TOKEN_FILE = Object.fromEntries(
  [CONTAINER, CONTAINER_EXPIRED].map((title) => [title, 'does not know AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE']),
);
const NO_REGION = { [REGION]: 'takes no region from IMDS' };
/**
 * They look again only after their own window, minutes later, and use the previous credentials
 * until then.
 */
const NO_SHORT_SESSIONS = { [SHORT_RENEWALS]: 'asks again after minutes only: needs sessions of an hour' };
/** Go asks the kernel for the time instead of the C library. */
const NO_TIME_LAPSE = { [HOUR_RENEWALS]: 'cannot be given another clock' };
/** It measures with the monotonic clock, which time lapse does not change. */
const OTHER_CLOCK = { [HOUR_RENEWALS]: 'counts the life of a session by a clock that time lapse leaves alone' };
/** In 3.6.2, of Debian 12. */
const LOST_IN_LAPSE = { [HOUR_RENEWALS]: 'lists no buckets in time lapse; the reason is not known' };
/** https://github.com/minio/minio-js: IamAwsProvider, in every release that has it. */
const NOT_SERVED = Object.fromEntries(
  [FIRST_CALL, V1_DISABLED, SLASH, RESTART, SHORT_RENEWALS, HOUR_RENEWALS, SERVICE_DOWN].map((title) => [
    title,
    'looks for AccessKeyID, where IMDS says AccessKeyId',
  ]),
);

const program = ({ installed }: Place): readonly string[] => [`${installed}/client`];
const node = ({ installed }: Place): readonly string[] => [process.execPath, `${installed}/client.mjs`];
const java = ({ installed }: Place): readonly string[] => ['java', '-cp', `${installed}:${installed}/lib/*`, 'Client'];
const ruby = ({ source }: Place): readonly string[] => ['ruby', `${source}/client.rb`];
const python =
  (of: string) =>
  ({ source, installed }: Place): readonly string[] => [`${installed}/bin/python3`, `${source}/../${of}/client.py`];
const shell =
  (...args: readonly string[]) =>
  ({ source, installed }: Place): readonly string[] => [
    'bash',
    `${source}/client.sh`,
    ...args.map((file) => `${installed}/${file}`),
  ];

const inPackageJson = pinned('package.json', /"dependencies": \{\s*"[^"]+": "([\d.]+)"/);
const inRequirements = pinned('requirements.txt', /==([\d.]+)/);
const inPom = pinned('pom.xml', /<version>(\d+\.\d[\d.]*)</);
const inGoMod = (name: string): Client['version'] => pinned('go.mod', new RegExp(`${name} v([\\d.]+)`));

const lines = { conversation: 'lines' } as const;
const processes = { conversation: 'process' } as const;

/** Real, unmodified clients, each from its public package. */
export const CLIENTS: readonly Client[] = [
  { ...lines, name: 'SDK for JavaScript v3', directory: 'javascript-v3', version: inPackageJson, command: node },
  {
    ...lines,
    name: 'SDK for JavaScript v3 (2022)',
    directory: 'javascript-v3-old',
    version: inPackageJson,
    command: node,
    outside: { ...NO_REGION, ...NO_TOKEN_FILE },
  },
  {
    ...lines,
    name: 'SDK for JavaScript v2',
    directory: 'javascript-v2',
    version: inPackageJson,
    command: node,
    outside: NO_REGION,
  },
  {
    ...lines,
    name: 'boto3',
    directory: 'boto3',
    version: inRequirements,
    command: python('boto3'),
    outside: { ...NO_REGION, ...NO_SHORT_SESSIONS },
  },
  {
    ...lines,
    name: 'boto3 (2022)',
    directory: 'boto3-old',
    version: inRequirements,
    command: python('boto3'),
    outside: { ...NO_REGION, ...NO_SHORT_SESSIONS, ...NO_TOKEN_FILE },
  },
  {
    ...processes,
    name: 'AWS CLI v2',
    directory: 'aws-cli-v2',
    version: printedVersion(({ installed }) => [`${installed}/cli/aws`, '--version'], /aws-cli\/(\S+)/),
    command: shell('cli/aws'),
  },
  {
    ...processes,
    name: 'AWS CLI v1',
    directory: 'aws-cli-v1',
    version: inRequirements,
    command: shell('bin/aws'),
    outside: NO_REGION,
  },
  {
    ...lines,
    name: 'SDK for Go v2',
    directory: 'go-v2',
    version: inGoMod('service/sts'),
    command: program,
    outside: { ...NO_TIME_LAPSE },
  },
  {
    ...lines,
    name: 'SDK for Go v1',
    directory: 'go-v1',
    version: inGoMod('aws-sdk-go'),
    command: program,
    outside: { ...NO_REGION, ...NO_TIME_LAPSE },
  },
  { ...lines, name: 'SDK for Java v2', directory: 'java-v2', version: inPom, command: java },
  {
    ...lines,
    name: 'SDK for Java v1',
    directory: 'java-v1',
    version: inPom,
    command: java,
    outside: { ...NO_REGION, ...NO_SHORT_SESSIONS },
  },
  {
    ...lines,
    name: 'SDK for Kotlin',
    directory: 'kotlin',
    version: inPom,
    command: java,
  },
  {
    ...lines,
    name: 'SDK for Rust',
    directory: 'rust',
    version: pinned('Cargo.toml', /aws-config = \{ version = "=([\d.]+)"/),
    command: program,
  },
  {
    ...lines,
    name: 'SDK for Ruby v3',
    directory: 'ruby',
    version: printedVersion(() => ['ruby', '-e', 'require "aws-sdk-core"; puts Aws::CORE_GEM_VERSION'], /([\d.]+)/),
    command: ruby,
    outside: { ...NO_REGION, ...NO_TOKEN_FILE },
  },
  {
    ...lines,
    name: 'SDK for C++ (in pyarrow)',
    directory: 'cpp',
    version: inRequirements,
    command: python('cpp'),
    outside: { ...NO_REGION, ...NO_SHORT_SESSIONS },
    goesAnonymous: true,
  },
  {
    ...lines,
    name: 'Common Runtime (awscrt)',
    directory: 'crt',
    version: inRequirements,
    command: python('crt'),
    outside: { ...NO_REGION, ...OTHER_CLOCK },
  },
  {
    ...lines,
    name: 'object_store (Polars, delta-rs)',
    directory: 'rust',
    version: pinned('Cargo.toml', /object_store = \{ version = "=([\d.]+)"/),
    command: ({ installed }) => [`${installed}/object-store`],
    outside: { ...NO_REGION, ...OTHER_CLOCK },
  },
  {
    ...lines,
    name: 'GDAL',
    directory: 'gdal',
    version: printedVersion(() => ['gdalinfo', '--version'], /GDAL ([\d.]+)/),
    // The package of the distribution is for its own Python.
    command: ({ source }) => ['/usr/bin/python3', `${source}/client.py`],
    outside: { ...NO_REGION, ...NO_TOKEN_FILE, ...LOST_IN_LAPSE },
  },
  {
    ...lines,
    name: 'minio-js',
    directory: 'minio-js',
    version: inPackageJson,
    command: node,
    outside: { ...NO_REGION, ...NOT_SERVED, ...NO_TOKEN_FILE },
  },
  {
    ...lines,
    name: 'minio-go',
    directory: 'minio-go',
    version: inGoMod('minio-go/v7'),
    command: program,
    outside: { ...NO_REGION, ...NO_TIME_LAPSE },
  },
  {
    ...processes,
    name: 'rclone',
    directory: 'rclone',
    version: printedVersion(() => ['rclone', 'version'], /rclone v(\S+)/),
    command: shell(),
    outside: { ...NO_REGION, ...NO_TIME_LAPSE, ...NO_TOKEN_FILE },
  },
  {
    ...processes,
    name: 'curl',
    directory: 'curl',
    version: printedVersion(() => ['curl', '--version'], /curl (\S+)/),
    command: shell(),
    outside: { ...NO_TOKEN_FILE },
  },
];
