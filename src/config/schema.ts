import { isIP } from 'node:net';
import * as v from 'valibot';
import { certificateSourceFault, keySourceFault, pathFault } from './path-form.ts';

// What an operator may write, key by key. Defaults and meaning across keys are in resolve.ts. A message completes "… must be".

const text = v.pipe(v.string('text'), v.nonEmpty('text, not empty'));
const flag = v.boolean('true or false');
const filePath = v.pipe(
  text,
  v.check(
    (value) => pathFault(value) === undefined,
    ({ input }) => pathFault(input) ?? '',
  ),
);
/** The path of a file, or where a key is that never leaves its place. */
const keySource = v.pipe(
  text,
  v.check(
    (value) => keySourceFault(value) === undefined,
    ({ input }) => keySourceFault(input) ?? '',
  ),
);
/** The path of a file, or a certificate in a token. */
const certificateSource = v.pipe(
  text,
  v.check(
    (value) => certificateSourceFault(value) === undefined,
    ({ input }) => certificateSourceFault(input) ?? '',
  ),
);
const variable = v.pipe(text, v.regex(/^[A-Za-z_]\w*$/, 'the name of an environment variable'));

const secretPlaces = [
  v.strictObject({ file: filePath }),
  v.strictObject({ credential: text }),
  v.strictObject({ environment: variable }),
] as const;
const secretSource = v.union(
  secretPlaces,
  'exactly one of file, credential or environment: where the secret is stored',
);
const stateKey = v.union(
  [v.literal('tpm'), ...secretPlaces],
  'tpm, or exactly one of file, credential or environment: where the secret is stored',
);

const MOST_SECONDS = 60;

/** A path and not a name: what a name means would depend on PATH. */
const programPath = v.pipe(filePath, v.regex(/\//, 'the path of a program, such as /usr/local/bin/sign'));

const signer = v.strictObject({
  command: v.pipe(
    v.array(
      v.pipe(v.string('text'), v.regex(/^[^\0]*$/, 'text without null bytes')),
      'a list: a program and its arguments',
    ),
    v.minLength(1, 'a list with at least the path of a program'),
    v.check(
      ([program]) => v.is(programPath, program),
      'a list that begins with the path of a program, such as /usr/local/bin/sign',
    ),
  ),
  timeout: v.optional(
    v.pipe(
      v.number('a number of seconds'),
      v.minValue(1, 'at least 1 second'),
      v.maxValue(MOST_SECONDS, `at most ${MOST_SECONDS} seconds`),
    ),
  ),
  environment: v.optional(v.array(variable, 'a list of names of environment variables')),
});

export const identitySchema = v.strictObject({
  certificate: certificateSource,
  privateKey: v.optional(keySource),
  signer: v.optional(signer),
  intermediates: v.optional(filePath),
  trustAnchorBundle: v.optional(filePath),
  passphrase: v.optional(secretSource),
  pkcs11: v.optional(v.strictObject({ module: v.optional(text) })),
  allowReadableKey: v.optional(flag),
});

const rolesAnywhere = v.strictObject({
  trustAnchorArn: v.optional(text),
  profileArn: v.optional(text),
  endpoint: v.optional(text),
  fips: v.optional(flag),
  dualStack: v.optional(flag),
  caBundle: v.optional(filePath),
});

/** Hosts as a URL has them: `127.0.0.1:9911`, `[::1]:9911`. */
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
);

const imds = v.strictObject({
  listen: v.optional(listen),
  allowNonLoopback: v.optional(flag),
  hopLimit: v.optional(
    v.pipe(
      v.number('a number of hops'),
      v.integer('a whole number of hops'),
      v.minValue(1, 'at least 1'),
      v.maxValue(255, 'at most 255'),
    ),
  ),
  allowedHosts: v.optional(v.array(text, 'a list of Host header values')),
  region: v.optional(v.pipe(text, v.regex(/^[a-z]{2,}(?:-[a-z0-9]+)+-\d+$/, 'a region such as eu-central-1'))),
  availabilityZone: v.optional(v.pipe(text, v.regex(/-\d+[a-z]$/, 'a region and one letter, such as eu-central-1a'))),
});

/** `false`: no such endpoint; the role is served by another one. */
const imdsOrNone = v.lazy((written) => (written === false ? v.literal(false) : imds));

const account = v.union([text, v.pipe(v.number(), v.integer(), v.minValue(0))], 'a name or a number');

const clientToken = v.strictObject({
  client: v.pipe(text, v.regex(/^[\w.-]{1,64}$/, '1 to 64 letters, digits, dots, hyphens or underscores')),
  roles: v.pipe(v.array(text, 'a list of role names'), v.minLength(1, 'a list with at least one role name')),
  file: filePath,
  owner: v.optional(account),
  group: v.optional(account),
  rotate: v.optional(flag),
});

const container = v.strictObject({
  listen: v.optional(listen),
  allowNonLoopback: v.optional(flag),
  allowedHosts: v.optional(v.array(text, 'a list of Host header values')),
  tokens: v.pipe(v.array(clientToken, 'a list of clients'), v.minLength(1, 'a list with at least one client')),
});

const accounts = v.optional(v.array(account, 'a list of names or numbers'), []);
const allow = v.pipe(
  v.strictObject({ users: accounts, groups: accounts }),
  v.check(({ users, groups }) => users.length + groups.length > 0, 'users, groups or both, with at least one entry'),
);

const socket = v.strictObject({ path: v.optional(filePath) });

const role = v.strictObject({
  name: v.optional(v.pipe(text, v.regex(/^[\w.-]{1,64}$/, '1 to 64 letters, digits, dots, hyphens or underscores'))),
  roleArn: text,
  trustAnchorArn: v.optional(text),
  profileArn: v.optional(text),
  sessionDuration: v.optional(
    v.pipe(
      v.number('a whole number of seconds'),
      v.integer('a whole number of seconds'),
      v.minValue(900, 'at least 900 seconds'),
      v.maxValue(43_200, 'at most 43200 seconds'),
    ),
  ),
  roleSessionName: v.optional(
    v.pipe(text, v.regex(/^[\w+=,.@-]{2,64}$/, '2 to 64 characters out of A-Z a-z 0-9 _ + = , . @ -')),
  ),
  required: v.optional(flag),
  allow: v.optional(allow),
  imds: v.optional(imdsOrNone),
});

const admin = v.strictObject({
  listen: v.optional(listen),
  socket: v.optional(filePath),
  allowNonLoopback: v.optional(flag),
  allowedHosts: v.optional(v.array(text, 'a list of Host header values')),
});

const systemd = v.strictObject({
  ready: v.picklist(['endpoints', 'sessions'], 'one of endpoints (called doors before), sessions'),
});

const audit = v.union(
  [v.literal('stderr'), v.strictObject({ file: filePath })],
  'stderr, or a map with the key file and a path',
);

const log = v.strictObject({
  level: v.optional(v.picklist(['debug', 'info', 'warn', 'error'], 'one of debug, info, warn, error')),
});

export const configSchema = v.strictObject(
  {
    identity: identitySchema,
    rolesAnywhere: v.optional(rolesAnywhere),
    roles: v.pipe(v.array(role, 'a list of roles'), v.minLength(1, 'a list with at least one role')),
    container: v.optional(container),
    socket: v.optional(socket),
    stateDirectory: v.optional(filePath),
    stateKey: v.optional(stateKey),
    admin: v.optional(admin),
    systemd: v.optional(systemd),
    audit: v.optional(audit),
    log: v.optional(log),
  },
  'a map with the keys identity and roles',
);

/** Every key there is, with where it belongs, such as `roles[].imds.listen`: to recognise a misspelt or misplaced one. */
export const knownKeys: readonly string[] = keysIn(configSchema);

/** What of valibot's schemas leads to others. */
interface SchemaNode {
  readonly type: string;
  readonly entries?: Readonly<Record<string, SchemaNode>>;
  readonly item?: SchemaNode;
  /** Of a union schemas, of a picklist texts. */
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

/** A configuration whose every value has the right form; what the values mean together is still to be checked. */
export type WrittenConfig = v.InferOutput<typeof configSchema>;
export type WrittenSecretSource = v.InferOutput<typeof secretSource>;
export type WrittenRole = WrittenConfig['roles'][number];
