import type { KeySource, Pkcs11Source } from '../keys/key-source.ts';
import type { SpiffeSource } from '../spiffe/spiffe-source.ts';
import type { AssumedRole, PolicySource } from '../sts/assumed-role.ts';
import type { WrittenConfig, WrittenRole } from './schema.ts';

// The checked configuration with its defaults, the same from a file and from flags. schema.ts has
// the keys and their meaning. These types contain only the differences from it. Other rooms import
// only these types.

export interface Config extends Pick<Written, 'socket' | 'systemd' | 'audit' | 'log'> {
  readonly identity: IdentityConfig;
  readonly rolesAnywhere: RolesAnywhereConfig;
  readonly roles: readonly RoleConfig[];
  readonly container?: ContainerConfig;
  readonly state?: StateConfig;
  readonly admin?: AdminConfig;
}

type Written = Frozen<WrittenConfig>;

type Frozen<T> = T extends readonly (infer Item)[]
  ? readonly Frozen<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]: Frozen<T[Key]> }
    : T;

type Given<Key extends keyof Written> = NonNullable<Written[Key]>;

export type AuditConfig = Given<'audit'>;

export type PassphraseSource = NonNullable<Written['identity']['passphrase']>;

export interface StateConfig {
  readonly directory: string;
  readonly key?: Given<'stateKey'>;
}

export interface IdentityConfig extends Omit<
  Written['identity'],
  'certificate' | 'privateKey' | 'signer' | 'renew' | 'pkcs11' | 'spiffe'
> {
  /** The path of a file, a certificate in a token, or one from a SPIFFE agent. */
  readonly certificate: string | Pkcs11Source | SpiffeSource;
  /** The path of a file, or the place of a key that signs there. */
  readonly privateKey?: string | KeySource;
  readonly renew?: RenewConfig;
  /** Which of the certificates in the token. */
  readonly certificateSelector?: NonNullable<Written['identity']['pkcs11']['certificate']>;
}

export interface RenewConfig extends Omit<NonNullable<Written['identity']['renew']>, 'command'> {
  /** Its path and its arguments, run without a shell. */
  readonly command: readonly [string, ...string[]];
}

export type RolesAnywhereConfig = Omit<Written['rolesAnywhere'], 'trustAnchorArn' | 'profileArn'>;

type AtAddress<T> = Omit<T, 'listen' | 'allowNonLoopback'> & { readonly host: string; readonly port: number };

export interface RoleConfig extends Omit<Frozen<WrittenRole>, 'imds' | 'assume'> {
  readonly name: string;
  readonly profileArn: string;
  readonly trustAnchorArn: string;
  /** Absent: another endpoint serves the role. */
  readonly imds?: ImdsEndpointConfig;
  /** The role that is served, assumed with `roleArn`. */
  readonly assume?: AssumeConfig;
}

export interface AssumeConfig extends Omit<AssumedRole, 'policy'> {
  readonly policy?: PolicySource;
}

export type AccessConfig = NonNullable<RoleConfig['allow']>;
export type ImdsEndpointConfig = AtAddress<Exclude<Frozen<WrittenRole>['imds'], false>>;
export type ContainerConfig = AtAddress<Given<'container'>>;
export type KubernetesConfig = NonNullable<ContainerConfig['kubernetes']>;
export type ClusterKeysSource = KubernetesConfig['jwks'];
export type ClientTokenConfig = ContainerConfig['tokens'][number];
export type AdminConfig = Omit<Given<'admin'>, 'allowNonLoopback'>;
