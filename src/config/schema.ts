import { isIP } from 'node:net';
import path from 'node:path';
import * as v from 'valibot';
import { shortAddress } from '../foundation/address.ts';
import { recordOf } from '../foundation/complete-record.ts';
import { DEFAULT_SOCKET } from '../foundation/daemon-socket.ts';
import { type WrittenSource, writtenSource } from '../keys/key-source.ts';
import { socketPath } from '../spiffe/spiffe-source.ts';
import type { PolicySource } from '../sts/assumed-role.ts';
import { policyFault, policyText } from '../sts/session-policy.ts';
import { certificateSourceFault, keySourceFault, pathFault } from './path-form.ts';

// Every key that a configuration may have, with its default. Paths become absolute. config.ts
// derives its types from here, and resolve-config.ts checks combinations of keys. A message
// completes "… must be".

const text = v.pipe(v.string('text'), v.nonEmpty('text, not empty'));
const flag = v.boolean('true or false');

/** @param fault - what a text must be, if it is not valid. */
const textWithout = (fault: (value: string) => string | undefined) =>
  v.pipe(
    text,
    v.check(
      (value) => fault(value) === undefined,
      ({ input }) => fault(input) ?? '',
    ),
  );

const filePath = textWithout(pathFault);

/**
 * A path relative to a directory, made absolute. Do not use it within a union, where a
 * transformation hides the problem.
 */
const pathIn = (directory: string) =>
  v.pipe(
    filePath,
    v.transform((file) => path.resolve(directory, file)),
  );

/** The path of a file, or the place of a key that never leaves it. */
const keySource = (directory: string) =>
  v.pipe(
    textWithout(keySourceFault),
    v.transform((value) => sourceIn(value, directory)),
  );

/** The path of a file, or a certificate in a token. */
const certificateSource = (directory: string) =>
  v.pipe(
    textWithout(certificateSourceFault),
    v.transform((value) => {
      const source = sourceIn(value, directory);
      return typeof source === 'object' && source.kind === 'pkcs11' ? source : path.resolve(directory, value);
    }),
  );

function sourceIn(value: string, directory: string): WrittenSource | string {
  const source = writtenSource(value);
  if (typeof source !== 'object') return path.resolve(directory, value);
  if (source.kind !== 'ssh-agent' || source.socket === undefined) return source;
  return { ...source, socket: path.resolve(directory, source.socket) };
}

/** The path of a library, or a name that the system's loader finds. */
const moduleIn = (directory: string) =>
  v.pipe(
    text,
    v.transform((name) => (name.includes('/') ? path.resolve(directory, name) : name)),
  );

/** It loads every module that p11-kit knows. */
const DEFAULT_MODULE = 'p11-kit-proxy.so';

/** Which certificate, of those in a token. */
const certificateSelector = v.pipe(
  v.strictObject({
    subject: v.exactOptional(text),
    issuer: v.exactOptional(text),
    serial: v.exactOptional(
      v.pipe(v.string('hexadecimal digits in quotes'), v.regex(/^[\da-f]{1,64}$/i, 'hexadecimal digits in quotes')),
    ),
  }),
  v.check((selector) => Object.keys(selector).length > 0, 'a map with at least one of subject, issuer and serial'),
);

const variable = v.pipe(text, v.regex(/^[A-Za-z_]\w*$/, 'the name of an environment variable'));

/** Where a passphrase or another secret is stored; never the secret itself. */
const secretPlaces = [
  v.strictObject({ file: filePath }),
  // A file of this name in $CREDENTIALS_DIRECTORY of systemd.
  v.strictObject({ credential: text }),
  v.strictObject({ environment: variable }),
] as const;

const secretSource = (directory: string) =>
  v.pipe(
    v.union(secretPlaces, 'exactly one of file, credential or environment: where the secret is stored'),
    v.transform((written) => secretFrom(written, directory)),
  );

type StateKey = SecretSource | { readonly from: 'tpm' };

const stateKey = (directory: string) =>
  v.pipe(
    v.union(
      [v.literal('tpm'), ...secretPlaces],
      'tpm, or exactly one of file, credential or environment: where the secret is stored',
    ),
    v.transform((written): StateKey => (written === 'tpm' ? { from: 'tpm' } : secretFrom(written, directory))),
  );

type SecretSource =
  | { readonly from: 'file'; readonly path: string }
  | { readonly from: 'credential'; readonly name: string }
  | { readonly from: 'environment'; readonly variable: string };

function secretFrom(
  written: { file: string } | { credential: string } | { environment: string },
  directory: string,
): SecretSource {
  if ('file' in written) return { from: 'file', path: path.resolve(directory, written.file) };
  if ('credential' in written) return { from: 'credential', name: written.credential };
  return { from: 'environment', variable: written.environment };
}

/** A path instead of a name, because a name would depend on PATH. */
const programPath = v.pipe(filePath, v.regex(/\//, 'a path'));

/** The path of a program and its arguments, run without a shell. @param example - of the path. */
const command = (directory: string, example: string) =>
  v.pipe(
    v.array(
      v.pipe(v.string('text'), v.regex(/^[^\0]*$/, 'text without null bytes')),
      'a list: a program and its arguments',
    ),
    v.minLength(1, 'a list with at least the path of a program'),
    v.check(
      ([program]) => v.is(programPath, program),
      `a list that begins with the path of a program, such as ${example}`,
    ),
    v.transform(([program = '', ...args]): [string, ...string[]] => [path.resolve(directory, program), ...args]),
  );

/** @param otherwise - the default. */
const seconds = (most: number, otherwise: number) =>
  v.optional(
    v.pipe(
      v.number('a number of seconds'),
      v.minValue(1, 'at least 1 second'),
      v.maxValue(most, `at most ${most} seconds`),
    ),
    otherwise,
  );

/** Names of the variables that a program gets, in addition to PATH. */
const passedVariables = v.optional(v.array(variable, 'a list of names of environment variables'), []);

/** Which SVID, of which agent. */
const spiffe = v.strictObject({
  /** Absent: $SPIFFE_ENDPOINT_SOCKET. */
  socket: v.exactOptional(
    v.pipe(
      text,
      v.check(
        (address) => socketPath(address) !== undefined,
        'the address of a Unix socket, such as unix:///run/spire/agent.sock',
      ),
      v.transform((address) => socketPath(address) ?? ''),
    ),
  ),
  id: v.exactOptional(
    v.pipe(
      text,
      v.regex(/^spiffe:\/\/[a-z\d._-]+\/[\w./-]+$/, 'a SPIFFE ID, such as spiffe://example.org/imds-anywhere'),
    ),
  ),
  hint: v.exactOptional(text),
});

/** A program that signs. */
const signer = (directory: string) =>
  v.strictObject({
    command: command(directory, '/usr/local/bin/sign'),
    timeout: seconds(60, 10),
    environment: passedVariables,
  });

/** A program that gets a new certificate. */
const renew = (directory: string) =>
  v.strictObject({
    command: command(directory, '/usr/local/bin/renew'),
    /** The part of the certificate's life after which it is renewed. */
    at: v.optional(v.pipe(v.number('a number'), v.minValue(0.1, 'at least 0.1'), v.maxValue(0.9, 'at most 0.9')), 0.66),
    timeout: seconds(600, 60),
    environment: passedVariables,
    /** A new key with each certificate. */
    rekey: v.optional(v.boolean(), false),
  });

/** For keys in a TPM 2.0. */
const tpm = (directory: string) =>
  v.strictObject({
    /** A device, or a Unix socket. Absent: $TPM_DEVICE, or the kernel's device. */
    device: v.exactOptional(pathIn(directory)),
    /** Of a parent with its own handle. */
    parentPassword: v.exactOptional(secretSource(directory)),
    /** Of the owner hierarchy. */
    ownerPassword: v.exactOptional(secretSource(directory)),
  });

const withKey = (directory: string) => {
  const file = pathIn(directory);
  return v.strictObject({
    /**
     * A file, or a certificate in a token. The file is PEM (leaf, chain and possibly the key, in any
     * order), DER or PKCS#12.
     */
    certificate: certificateSource(directory),
    /** Absent: the key is in the file of the certificate (PEM or PKCS#12), or next to it in the token. */
    privateKey: v.exactOptional(keySource(directory)),
    signer: v.exactOptional(signer(directory)),
    /** In place of both: an SVID of the SPIFFE Workload API. */
    spiffe: v.exactOptional(spiffe),
    /** Absent: another program renews the certificate. */
    renew: v.exactOptional(renew(directory)),
    tpm: v.exactOptional(tpm(directory)),
    /** Further certificates for the chain. */
    intermediates: v.exactOptional(file),
    /**
     * CA certificates of the trust anchor. The chain is built up to one of them. Absent: all
     * certificates that may lead to the trust anchor are sent.
     */
    trustAnchorBundle: v.exactOptional(file),
    passphrase: v.exactOptional(secretSource(directory)),
    pkcs11: v.optional(
      v.strictObject({
        module: v.optional(moduleIn(directory), DEFAULT_MODULE),
        certificate: v.exactOptional(certificateSelector),
      }),
      {},
    ),
    /** Accept a key file that group or others can read (Kubernetes volumes with fsGroup). */
    allowReadableKey: v.optional(flag, false),
  });
};

const absent = v.exactOptional(v.never('absent: identity.spiffe gives certificate and key, and the agent renews them'));

/** An SVID comes with everything but the trust anchor. */
const withSvid = (directory: string) =>
  v.strictObject({
    ...withKey(directory).entries,
    ...{ certificate: absent, privateKey: absent, signer: absent, renew: absent, tpm: absent },
    ...{ intermediates: absent, passphrase: absent },
    spiffe,
  });

const identitySchema = (directory: string) =>
  v.lazy((written) =>
    typeof written === 'object' && written !== null && 'spiffe' in written ? withSvid(directory) : withKey(directory),
  );

const rolesAnywhere = (directory: string) =>
  v.strictObject({
    /** For the roles that name none. */
    trustAnchorArn: v.exactOptional(text),
    profileArn: v.exactOptional(text),
    /** Base URL instead of the region's own. May have a path. */
    endpoint: v.exactOptional(text),
    fips: v.optional(flag, false),
    dualStack: v.optional(flag, false),
    /** PEM file of the CAs to trust for TLS, instead of Node's. */
    caBundle: v.exactOptional(pathIn(directory)),
  });

/** Hosts in the form of a URL: `127.0.0.1:9911`, `[::1]:9911`. */
const LISTEN = /^(?:\[(?<ipv6>[0-9a-fA-F:]+)\]|(?<ipv4>\d{1,3}(?:\.\d{1,3}){3})):(?<port>\d{1,5})$/;

const listen = v.pipe(
  text,
  v.regex(LISTEN, 'an IP address and a port, such as 127.0.0.1:9911 or [::1]:9911'),
  v.transform((value) => {
    const { ipv6, ipv4, port } = LISTEN.exec(value)?.groups ?? {};
    return { host: ipv6 ?? ipv4 ?? '', port: Number(port) };
  }),
  v.check(({ host }) => isIP(host) !== 0, 'an IP address and a port; this is not an IP address'),
  v.check(({ port }) => port <= 65_535, 'an address whose port is at most 65535'),
  v.transform(({ host, port }) => ({ host: shortAddress(host), port })),
);

/** Public keys decide who gets a role, so no other host on a network may replace them. */
const KEY_URL = /^(?:https:\/\/[^\s/?#@]+|http:\/\/(?:127\.\d+\.\d+\.\d+|\[::1\])(?::\d+)?)(?:[/?][^\s#]*)?$/;

/** The keys of each listener over TCP. @param address - its `listen`. */
const listener = <Address extends v.GenericSchema>(address: Address) => ({
  listen: address,
  allowNonLoopback: v.optional(flag, false),
  /** Host header values that are accepted in addition to the names of this host. */
  allowedHosts: v.optional(v.array(text, 'a list of Host header values'), []),
});

const region = v.pipe(text, v.regex(/^[a-z]{2,}(?:-[a-z0-9]+)+-\d+$/, 'a region such as eu-central-1'));

const imds = v.strictObject({
  /** Port 0 lets the system choose. */
  ...listener(v.optional(listen, '127.0.0.1:9911')),
  /** How many hosts answers may pass, including the receiver. Absent: the system's value, usually 64. */
  hopLimit: v.exactOptional(
    v.pipe(
      v.number('a number of hops'),
      v.integer('a whole number of hops'),
      v.minValue(1, 'at least 1'),
      v.maxValue(255, 'at most 255'),
    ),
  ),
  /** Served as placement/region. Absent: those paths are 404. */
  region: v.exactOptional(region),
  availabilityZone: v.exactOptional(
    v.pipe(text, v.regex(/-\d+[a-z]$/, 'a region and one letter, such as eu-central-1a')),
  ),
});

/** `false`: no such endpoint; another one serves the role. */
const imdsOrNone = v.lazy((written) => (written === false ? v.literal(false) : imds));

const account = v.union([text, v.pipe(v.number(), v.integer(), v.minValue(0))], 'a name or a number');

const clientToken = (directory: string) =>
  v.strictObject({
    /** Its name in logs. Unique. */
    client: v.pipe(text, v.regex(/^[\w.-]{1,64}$/, '1 to 64 letters, digits, dots, hyphens or underscores')),
    /** Names of the roles that it may use. */
    roles: v.pipe(v.array(text, 'a list of role names'), v.minLength(1, 'a list with at least one role name')),
    /** The file of its token. */
    file: pathIn(directory),
    /** The owner of the file. Absent: the daemon's own user. */
    owner: v.exactOptional(account),
    /** A group that may read the file. Absent: none. */
    group: v.exactOptional(account),
    /** False: the token never changes, for programs that read the file only once. */
    rotate: v.exactOptional(flag),
  });

/** Where the keys of a cluster are published. */
type ClusterKeys =
  | { readonly from: 'in-cluster' }
  | { readonly from: 'file'; readonly path: string }
  | { readonly from: 'url'; readonly url: string; readonly caBundle?: string; readonly tokenFile?: string };

const keyUrl = v.pipe(text, v.regex(KEY_URL, 'an https:// URL, or http:// on a loopback address'));

const clusterKeys = (directory: string) =>
  v.pipe(
    v.union(
      [
        v.literal('in-cluster'),
        v.strictObject({ file: filePath }),
        v.strictObject({ url: keyUrl, caBundle: v.exactOptional(filePath), tokenFile: v.exactOptional(filePath) }),
      ],
      'in-cluster, or a map with file, or with url (https://) and optionally caBundle and tokenFile',
    ),
    v.transform((written): ClusterKeys => {
      if (written === 'in-cluster') return { from: 'in-cluster' };
      if ('file' in written) return { from: 'file', path: path.resolve(directory, written.file) };
      const { url, caBundle, tokenFile } = written;
      return {
        from: 'url',
        url,
        ...(caBundle !== undefined && { caBundle: path.resolve(directory, caBundle) }),
        ...(tokenFile !== undefined && { tokenFile: path.resolve(directory, tokenFile) }),
      };
    }),
  );

/** Only at the end, so that a reader sees at once which accounts a line admits. */
const namePattern = v.pipe(
  text,
  v.regex(
    /^(?:[a-z\d](?:[-a-z\d.]*[a-z\d])?|[-a-z\d.]*\*)$/,
    'a name of Kubernetes, or the start of one and a final *',
  ),
);

const issuers = v.pipe(
  v.union([text, v.pipe(v.array(text), v.minLength(1))], 'an issuer, or a list of issuers'),
  v.transform((written): readonly string[] => (typeof written === 'string' ? [written] : written)),
);

/** Pods of a cluster as clients, each with the token of its service account. */
const kubernetes = (directory: string) =>
  v.strictObject({
    /** EKS's own addresses, which SDKs accept without TLS. Each is opened if the node has it. */
    listen: v.optional(
      v.pipe(v.array(listen, 'a list of addresses'), v.minLength(1, 'a list with at least one address')),
      ['169.254.170.23:9913', '[fd00:ec2::23]:9913'],
    ),
    /** `iss` of the tokens. */
    issuer: issuers,
    /** `aud` of the tokens. Never the API server's. */
    audience: v.optional(text, 'imds-anywhere'),
    jwks: v.optional(clusterKeys(directory), 'in-cluster'),
    /** The node whose pods are served. */
    node: v.optional(
      v.union(
        [v.literal('any'), v.strictObject({ environment: variable })],
        'any, or a map with environment: the name of a variable',
      ),
      { environment: 'NODE_NAME' },
    ),
    /** Whether sessions of second roles have tags with the account. `pod`: a session for each pod, with its name too. */
    sessionTags: v.optional(v.union([flag, v.literal('pod')], 'true, false or pod'), false),
    roles: v.pipe(
      v.array(
        v.strictObject({ namespace: namePattern, serviceAccount: namePattern, role: text }),
        'a list of accounts and roles',
      ),
      v.minLength(1, 'a list with at least one account and role'),
    ),
  });

/** One address for many roles. The token determines the roles of a client. */
const container = (directory: string) =>
  v.strictObject({
    ...listener(v.optional(listen, '127.0.0.1:9913')),
    /** Empty: nothing listens at `listen`. */
    tokens: v.optional(v.array(clientToken(directory), 'a list of clients'), []),
    /** Absent: no pods. */
    kubernetes: v.exactOptional(kubernetes(directory)),
  });

const accounts = v.optional(v.array(account, 'a list of names or numbers'), []);
/** Users and groups of this host, by name or number; at least one. */
const allow = v.pipe(
  v.strictObject({ users: accounts, groups: accounts }),
  v.check(({ users, groups }) => users.length + groups.length > 0, 'users, groups or both, with at least one entry'),
);

const roleSessionName = v.pipe(
  text,
  v.regex(/^[\w+=,.@-]{2,64}$/, '2 to 64 characters out of A-Z a-z 0-9 _ + = , . @ -'),
);

function durationUpTo(seconds: number) {
  return v.optional(
    v.pipe(
      v.number('a whole number of seconds'),
      v.integer('a whole number of seconds'),
      v.minValue(900, 'at least 900 seconds'),
      v.maxValue(seconds, `at most ${seconds} seconds`),
    ),
    3_600,
  );
}

/** The policy itself, as a map or as JSON, or a file with its JSON. */
const policy = (directory: string) =>
  v.pipe(
    v.union(
      [v.strictObject({ file: filePath }), text, recordOf(v.string(), v.unknown())],
      'a policy, its JSON, or a map with the key file and a path',
    ),
    v.transform((written): { readonly source: PolicySource; readonly fault: string | undefined } => {
      if (typeof written === 'object' && typeof written['file'] === 'string')
        return { source: { from: 'file', path: path.resolve(directory, written['file']) }, fault: undefined };
      const json = policyText(written);
      return { source: { from: 'text', text: json ?? '' }, fault: policyFault(json) };
    }),
    v.check(
      ({ fault }) => fault === undefined,
      ({ input }) => input.fault ?? '',
    ),
    v.transform(({ source }) => source),
  );

/** In the form of STS. The prefix is reserved. */
const tagKey = v.pipe(
  text,
  v.regex(
    /^(?!aws:)[\p{L}\p{Z}\p{N}_.:/=+\-@]{1,128}$/iu,
    '1 to 128 letters, digits, spaces or _ . : / = + - @, not aws:',
  ),
);

/** A second role, assumed with the session of the first. */
const assume = (directory: string) =>
  v.strictObject({
    /** Absent: the role itself, with the session narrowed by the other keys. */
    roleArn: v.exactOptional(text),
    /** AWS limits chained sessions to an hour. */
    sessionDuration: durationUpTo(3_600),
    /** Absent: the name of the first session. */
    roleSessionName: v.exactOptional(roleSessionName),
    externalId: v.exactOptional(
      v.pipe(text, v.regex(/^[\w+=,.@:/-]{2,1224}$/, '2 to 1224 characters out of A-Z a-z 0-9 _ + = , . @ : / -')),
    ),
    policy: v.exactOptional(policy(directory)),
    /** Managed policies that limit the session, like `policy`. */
    policyArns: v.optional(v.pipe(v.array(text, 'a list of policy ARNs'), v.maxLength(10, 'at most 10 policies')), []),
    tags: v.optional(
      recordOf(
        tagKey,
        v.pipe(
          v.string('text'),
          v.regex(/^[\p{L}\p{Z}\p{N}_.:/=+\-@]{0,256}$/u, 'at most 256 letters, digits, spaces or _ . : / = + - @'),
        ),
        'a map of tags',
      ),
      {},
    ),
    /** Tags that further roles inherit. */
    transitiveTagKeys: v.optional(v.array(text, 'a list of keys of tags'), []),
    /** Of STS. Absent: the region's own. */
    endpoint: v.exactOptional(text),
    /** Of STS. Absent: the region of the trust anchor. */
    region: v.exactOptional(region),
    /** Absent: as for the first role. */
    fips: v.exactOptional(flag),
    dualStack: v.exactOptional(flag),
  });

const role = (directory: string) =>
  v.strictObject({
    /** Its name in logs, status and commands. Unique. Absent: the name in the ARN. */
    name: v.exactOptional(
      v.pipe(text, v.regex(/^[\w.-]{1,64}$/, '1 to 64 letters, digits, dots, hyphens or underscores')),
    ),
    roleArn: text,
    trustAnchorArn: v.exactOptional(text),
    profileArn: v.exactOptional(text),
    sessionDuration: durationUpTo(43_200),
    roleSessionName: v.exactOptional(roleSessionName),
    /** Of Roles Anywhere, in place of those in `rolesAnywhere`. */
    endpoint: v.exactOptional(text),
    fips: v.exactOptional(flag),
    dualStack: v.exactOptional(flag),
    /** Absent: the session of this role is served. */
    assume: v.exactOptional(assume(directory)),
    /** Absent: true. The daemon is ready without the sessions of roles that are not required. */
    required: v.exactOptional(flag),
    /** Who may use it. Absent: every user who can reach an endpoint. */
    allow: v.exactOptional(allow),
    /** Absent: an endpoint at its usual address; with `container.kubernetes`, none. */
    imds: v.exactOptional(imdsOrNone),
  });

/** Serves liveness, readiness, status and metrics. Needs `listen`, `socket` or both. */
const admin = (directory: string) =>
  v.strictObject({
    ...listener(v.exactOptional(listen)),
    socket: v.exactOptional(pathIn(directory)),
  });

const systemd = v.strictObject({
  /**
   * When the start is complete: all endpoints listen, or all required roles also hold sessions.
   * Absent: `endpoints`.
   */
  ready: v.picklist(['endpoints', 'sessions'], 'one of endpoints (called doors before), sessions'),
});

type AuditTarget = { readonly to: 'stderr' } | { readonly to: 'file'; readonly path: string };

const audit = (directory: string) =>
  v.pipe(
    v.union([v.literal('stderr'), v.strictObject({ file: filePath })], 'stderr, or a map with the key file and a path'),
    v.transform((written): AuditTarget =>
      written === 'stderr' ? { to: 'stderr' } : { to: 'file', path: path.resolve(directory, written.file) },
    ),
  );

const log = v.strictObject({
  level: v.optional(v.picklist(['debug', 'info', 'warn', 'error'], 'one of debug, info, warn, error'), 'info'),
});

const configKeys = (directory: string) =>
  v.strictObject(
    {
      identity: identitySchema(directory),
      rolesAnywhere: v.optional(rolesAnywhere(directory), {}),
      roles: v.pipe(v.array(role(directory), 'a list of roles'), v.minLength(1, 'a list with at least one role')),
      /** Absent: no container-credentials endpoint. */
      container: v.exactOptional(container(directory)),
      /** The same endpoint on a Unix socket. Absent: none. */
      socket: v.exactOptional(v.strictObject({ path: v.optional(pathIn(directory), DEFAULT_SOCKET) })),
      /** Absent: nothing is stored. */
      stateDirectory: v.exactOptional(pathIn(directory)),
      /** The key that seals the stored sessions. Absent: the identity's private key. */
      stateKey: v.exactOptional(stateKey(directory)),
      /** Absent: only the log shows the state of the daemon. */
      admin: v.exactOptional(admin(directory)),
      systemd: v.exactOptional(systemd),
      /** Absent: no audit log. */
      audit: v.exactOptional(audit(directory)),
      log: v.optional(log, {}),
    },
    'a map with the keys identity and roles',
  );

/**
 * A daemon for pods is in the network of its node, where every process of the host reaches
 * loopback. So a role of it has an IMDS endpoint only on request.
 */
const configSchema = (directory: string) =>
  v.pipe(
    configKeys(directory),
    v.transform(({ roles, ...rest }) => {
      const usual = rest.container?.kubernetes ? (false as const) : v.parse(imds, {});
      return { ...rest, roles: roles.map((one) => ({ ...one, imds: one.imds ?? usual })) };
    }),
  );

/** @param directory - paths are relative to it. */
export function parsedConfig(raw: unknown, directory: string): v.SafeParseResult<ReturnType<typeof configSchema>> {
  return v.safeParse(configSchema(directory), raw);
}

/** The identity of a configuration with other problems; undefined if its own form is invalid. */
export function identityIn(raw: unknown, directory: string): WrittenConfig['identity'] | undefined {
  const result = v.safeParse(v.object({ identity: identitySchema(directory) }), raw);
  return result.success ? result.output.identity : undefined;
}

/**
 * Every key with its place, such as `roles[].imds.listen`, to recognise misspelt and misplaced
 * keys.
 */
export const knownKeys: readonly string[] = keysIn(configKeys('/'));

/** The properties of valibot's schemas that lead to other schemas. */
interface SchemaNode {
  readonly type: string;
  readonly entries?: Readonly<Record<string, SchemaNode>>;
  readonly item?: SchemaNode;
  /** A union has schemas here, a picklist has texts. */
  readonly options?: readonly (SchemaNode | string)[];
  readonly wrapped?: SchemaNode;
  readonly getter?: (input: unknown) => SchemaNode;
}

function keysIn({ entries, item, options, wrapped, getter }: SchemaNode, above = ''): readonly string[] {
  const inner = wrapped ?? getter?.({});
  if (inner) return keysIn(inner, above);
  if (item) return keysIn(item, `${above}[]`);
  if (options) return options.flatMap((one) => (typeof one === 'string' ? [] : keysIn(one, above)));
  return Object.entries(entries ?? {}).flatMap(([name, schema]) => {
    const key = above === '' ? name : `${above}.${name}`;
    return [key, ...keysIn(schema, key)];
  });
}

/** A configuration with well-formed values. Whether they fit together is not checked yet. */
export type WrittenConfig = v.InferOutput<ReturnType<typeof configSchema>>;
export type WrittenRole = WrittenConfig['roles'][number];
