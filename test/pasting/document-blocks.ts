import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { PastingShell } from './pasting.ts';

// Every shell block in README.md and docs/, and how a test runs it. A new block needs an entry:
// what it does here, or why it cannot run here.

export interface Block {
  readonly file: string;
  readonly shell: PastingShell;
  readonly text: string;
}

const REPOSITORY = path.resolve(import.meta.dirname, '../..');

export function documentBlocks(): readonly Block[] {
  const pages = readdirSync(path.join(REPOSITORY, 'docs')).filter((name) => name.endsWith('.md'));
  return ['README.md', ...pages.map((page) => `docs/${page}`)].flatMap((file) => {
    const text = readFileSync(path.join(REPOSITORY, file), 'utf8');
    return [...text.matchAll(/^ *```(sh|bash|shell|fish)\n(.*?)^ *```$/gms)].map(([, language, block = '']) => ({
      file,
      shell: language === 'fish' ? ('fish' as const) : ('sh' as const),
      text: block,
    }));
  });
}

export interface Scenario {
  /** A daemon is running, or there are files of aws_signing_helper. */
  readonly given?: 'daemon' | 'helper';
  /** Variables of the reader's shell. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Names of the reader, replaced with local ones. */
  readonly exchanged?: Readonly<Record<string, string>>;
  /** Runs until stopped. Later lines do not wait for it. */
  readonly isService?: true;
  /** The output of the lines, ending with the session if a program is called. */
  readonly prints: RegExp;
  /** The expected exit code. */
  readonly endsWith?: 1;
  /** An SDK makes a call in the same shell afterwards. */
  readonly thenCalls?: true;
  /** Other shells that accept the same lines. */
  readonly alsoIn?: readonly PastingShell[];
}

export type Entry = Scenario | { readonly cannotRun: string };

/** Version 1 of the AWS CLI reads the second only. */
const REGION = { AWS_REGION: 'eu-central-1', AWS_DEFAULT_REGION: 'eu-central-1' };
const SESSION = /arn:aws:sts::\d{12}:assumed-role\/[\w-]+\/[0-9a-f]+/;
const DOCUMENT = /"?AccessKeyId"?: ?"ASIA/;
const CLUSTER = 'no cluster at hand; test/kubernetes renders and validates the manifests';
const AWS = 'AWS itself; test/docs/aws-setup-page.test.ts runs what needs no account';
const RECIPES = 'test/docs/recipes-page.test.ts runs it';
const KEYS = 'it is no line to paste; test/docs/keys-page.test.ts runs it';
const PACKAGE = 'it installs a package; test/e2e/debian-package.test.ts takes these steps';

/** By page and the beginning of the block. */
export const ENTRIES: readonly (readonly [file: string, beginning: string, entry: Entry])[] = [
  [
    'README.md',
    'export AWS_EC2',
    { given: 'daemon', environment: REGION, prints: SESSION, thenCalls: true, alsoIn: ['fish'] },
  ],
  [
    'README.md',
    'npm ci && npm run demo',
    { cannotRun: 'npm ci needs a registry; test/pasting runs the demo and its lines' },
  ],
  ['README.md', 'npm cit', { cannotRun: 'it is the whole of the tests; .ci/run runs it' }],
  ['README.md', 'node dist/main.js init', { prints: SESSION }],
  [
    'README.md',
    'node dist/main.js check-config',
    { prints: SESSION, exchanged: { 'serve config.yaml &': 'serve config.yaml & sleep 3;' } },
  ],
  [
    'README.md',
    'node dist/main.js env --config config.yaml --shell fish',
    { given: 'daemon', environment: REGION, prints: SESSION, thenCalls: true },
  ],
  [
    'README.md',
    'node dist/main.js serve --certificate',
    {
      isService: true,
      exchanged: {
        '--trust-anchor-arn …': '--trust-anchor-arn "$TRUST_ANCHOR" --endpoint "$AWS_ENDPOINT_URL_STS"',
        '--profile-arn …': '--profile-arn "$PROFILE"',
        '--role-arn …': '--role-arn "$ROLE"',
      },
      prints: /^export AWS_EC2_METADATA_SERVICE_ENDPOINT=http:\/\/127\.0\.0\.1:9911/m,
    },
  ],
  ['README.md', 'npm ci && npm run package -- deb', { cannotRun: PACKAGE }],
  ['README.md', 'docker build', { cannotRun: 'no registry at hand; test/image builds and runs the image' }],
  ['README.md', 'imds-anywhere status', { given: 'daemon', prints: /uploader/ }],
  [
    'README.md',
    'node dist/main.js emulate',
    { isService: true, exchanged: { '/tmp/account': 'another --listen 127.0.0.1:9556' }, prints: /^identity:/m },
  ],
  ['docs/aws-setup.md', 'cat > pki.cnf', { cannotRun: 'test/docs/aws-setup-page.test.ts runs it' }],
  ['docs/aws-setup.md', 'openssl req -x509', { cannotRun: 'test/docs/aws-setup-page.test.ts runs it' }],
  ['docs/aws-setup.md', 'openssl req -new', { cannotRun: 'test/docs/aws-setup-page.test.ts runs it' }],
  ['docs/aws-setup.md', 'aws rolesanywhere create-trust-anchor', { cannotRun: AWS }],
  ['docs/aws-setup.md', 'aws iam create-role', { cannotRun: AWS }],
  [
    'docs/container-credentials.md',
    'export AWS_CONTAINER',
    { given: 'daemon', environment: REGION, prints: SESSION, thenCalls: true, alsoIn: ['fish'] },
  ],
  ['docs/container-credentials.md', 'curl --unix-socket', { given: 'daemon', prints: DOCUMENT }],
  ['docs/exec.md', 'imds-anywhere exec', { environment: REGION, prints: SESSION, alsoIn: ['fish'] }],
  [
    'docs/credential-process.md',
    'imds-anywhere update',
    {
      exchanged: { 'imds-anywhere update --config config.yaml --profile device  ': 'true' },
      environment: { ...REGION, AWS_PROFILE: 'device' },
      prints: SESSION,
      thenCalls: true,
    },
  ],
  [
    'docs/credential-process.md',
    'imds-anywhere migrate',
    {
      given: 'helper',
      exchanged: {
        '/etc/systemd/system/': '',
        'migrate ~/.aws/config > config.yaml': 'migrate ~/.aws/config > migrated.yaml && cat migrated.yaml',
      },
      prints: /^roles:.*^roles:/ms,
    },
  ],
  [
    'docs/environment.md',
    'imds-anywhere env --check',
    { given: 'daemon', exchanged: { '--role reader': '--role uploader' }, endsWith: 1, prints: /(?:ENV_[^]*){3}/ },
  ],
  ['docs/keys.md', 'imds-anywhere csr', { prints: /BEGIN CERTIFICATE REQUEST/ }],
  [
    'docs/keys.md',
    'imds-anywhere key new',
    { cannotRun: 'it needs a TPM; test/e2e/tpm-key.test.ts takes these steps' },
  ],
  ['docs/keys.md', 'ssh-agent -a', { prints: /ssh-agent:\S+agent\.sock, which has signed/ }],
  [
    'docs/keys.md',
    'softhsm2-util',
    { cannotRun: 'test/docs/keys-page.test.ts runs it, with tokens in a directory of its own' },
  ],
  ['docs/renewal.md', 'imds-anywhere renew', { cannotRun: 'test/e2e/renewal.test.ts runs it' }],
  ['docs/renewal.md', '#!/bin/sh\n# renew-certificate', { cannotRun: 'test/e2e/renewal.test.ts runs it' }],
  ['docs/renewal.md', 'bao write pki/roles', { cannotRun: 'test/authorities/openbao.test.ts runs it' }],
  ['docs/spiffe.md', 'spire-server entry create', { cannotRun: 'test/spiffe/spire.test.ts creates such entries' }],
  ['docs/keys.md', 'ykman', { cannotRun: 'no YubiKey at hand' }],
  ['docs/keys.md', '#!/bin/sh\n# sign-with-openssl', { cannotRun: KEYS }],
  ['docs/keys.md', '#!/bin/sh\n# sign-with-pkcs11-tool', { cannotRun: KEYS }],
  ['docs/keys.md', '#!/bin/sh\n# sign-with-gcloud', { cannotRun: 'it needs an account at Google' }],
  ['docs/kubernetes.md', 'kubectl --namespace cert-manager', { cannotRun: CLUSTER }],
  ['docs/kubernetes.md', 'cp -r deploy/kubernetes', { cannotRun: CLUSTER }],
  ['docs/kubernetes.md', 'helm install', { cannotRun: CLUSTER }],
  ['docs/kubernetes.md', 'kubectl create namespace', { cannotRun: CLUSTER }],
  ['docs/kubernetes.md', 'kubectl --namespace shop', { cannotRun: CLUSTER }],
  ['docs/monitoring.md', 'curl -s http', { given: 'daemon', prints: /"readiness": ?"ready"/ }],
  [
    'docs/monitoring.md',
    'imds-anywhere status',
    { given: 'daemon', exchanged: { '--watch ': '--url http://127.0.0.1:9910 ' }, prints: /"readiness": ?"ready"/ },
  ],
  [
    'docs/operations.md',
    'npm run simulate',
    { cannotRun: 'minutes of processor time; test/simulation runs the command' },
  ],
  [
    'docs/recipes.md',
    'export AWS_EC2_METADATA_SERVICE_ENDPOINT',
    { given: 'daemon', environment: REGION, prints: SESSION, thenCalls: true, alsoIn: ['fish'] },
  ],
  ['docs/recipes.md', 'AWS_EC2_METADATA_DISABLED=false cdk', { cannotRun: 'the CDK deploys to AWS' }],
  ['docs/recipes.md', 'eval "$(imds-anywhere env', { cannotRun: RECIPES }],
  ['docs/recipes.md', 'imds-anywhere update', { cannotRun: RECIPES }],
  ['docs/recipes.md', 's3fs', { cannotRun: 'it mounts, and asks 169.254.169.254' }],
  ['docs/recipes.md', 'export CPL_AWS', { cannotRun: 'GDAL and object_store were run by hand' }],
  [
    'docs/performance.md',
    'npm run build && npm run bench',
    { cannotRun: 'a quarter of an hour; test/bench tests its parts' },
  ],
  ['docs/reliability.md', 'npm run build && npx', { cannotRun: 'half an hour; .ci/run runs the first line' }],
  ['docs/packages.md', 'npm ci && npm run package -- deb rpm', { cannotRun: 'test/hosts/packages.sh builds them' }],
  ['docs/packages.md', 'tar -C /opt', { cannotRun: 'test/hosts/packages.sh runs the archive' }],
  ['docs/systemd.md', 'npm ci && npm run package -- deb', { cannotRun: PACKAGE }],
];

export function entryOf({ file, text }: Block): Entry | undefined {
  return ENTRIES.find(([page, beginning]) => page === file && text.trimStart().startsWith(beginning))?.[2];
}
