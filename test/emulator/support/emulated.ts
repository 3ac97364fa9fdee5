import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import * as v from 'valibot';
import type { Account, Profile, Role } from '../../../src/emulator/account/account.ts';
import { buildEmulator, type EmulatorOptions } from '../../../src/emulator/server.ts';
import type { Policy } from '../../../src/iam/evaluate.ts';
import { permissionsPolicySchema, trustPolicySchema } from '../../../src/iam/policy-document.ts';
import { DEFAULT_MAPPINGS } from '../../../src/iam/session-tags.ts';
import { readCertificate } from '../../../src/identity/certificate.ts';
import { type Authority, type Issued, type LeafOptions, makeAuthority } from '../../support/pki.ts';
import { rawExchange, type RawResponse } from '../../support/raw-http.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';
import {
  bytesOf,
  createSessionRequest,
  type Device,
  type HttpRequest,
  type Parameters,
  type SigningChoices,
  signX509,
  type WireForm,
} from './x509-client.ts';

const REGION = 'eu-central-1';
const ACCOUNT = '111122223333';
export const ANCHOR_ARN = `arn:aws:rolesanywhere:${REGION}:${ACCOUNT}:trust-anchor/11111111-2222-3333-4444-555555555555`;
export const PROFILE_ARN = `arn:aws:rolesanywhere:${REGION}:${ACCOUNT}:profile/66666666-7777-8888-9999-000000000000`;
export const ROLE_ARN = `arn:aws:iam::${ACCOUNT}:role/fleet/device`;
export const PARAMETERS = {
  trustAnchorArn: ANCHOR_ARN,
  profileArn: PROFILE_ARN,
  roleArn: ROLE_ARN,
  durationSeconds: 3600,
};

/** The changes that a test can make to the account. */
export interface AccountChanges {
  readonly profile?: Partial<Profile>;
  readonly role?: Partial<Role>;
  readonly anchor?: Partial<Account['trustAnchors'][number]>;
  /** More roles, to be reached by chaining. */
  readonly roles?: readonly (Pick<Role, 'arn' | 'trustPolicy'> & Partial<Role>)[];
  readonly managedPolicies?: readonly Policy[];
}

/** Roles Anywhere needs all three actions. Conditions as recommended by the User Guide. */
export function trustPolicy(
  actions: readonly string[] = ['sts:AssumeRole', 'sts:TagSession', 'sts:SetSourceIdentity'],
  condition: unknown = {
    ArnEquals: { 'aws:SourceArn': ANCHOR_ARN },
    StringEquals: { 'aws:PrincipalTag/x509Subject/CN': 'device-0001' },
  },
): Role['trustPolicy'] {
  const statement = { Effect: 'Allow', Principal: { Service: 'rolesanywhere.amazonaws.com' }, Action: actions };
  return v.parse(trustPolicySchema, { Version: '2012-10-17', Statement: [{ ...statement, Condition: condition }] });
}

const BARE_ROLE = { maxSessionDuration: 3600, tags: new Map(), policies: [], permissionsBoundary: undefined };

/** A policy of a role, or of a session. */
export function permissionsPolicy(name: string, ...statements: object[]): Policy {
  return { name, ...v.parse(permissionsPolicySchema, { Version: '2012-10-17', Statement: statements }) };
}

function accountWith(
  authority: Authority,
  { profile, role, anchor, roles = [], managedPolicies = [] }: AccountChanges,
): Account {
  const certificates = [readCertificate(authority.certificateDer)];
  return {
    accountId: ACCOUNT,
    region: REGION,
    partition: 'aws',
    trustAnchors: [{ arn: ANCHOR_ARN, enabled: true, certificates, revocationLists: [], ...anchor }],
    profiles: [
      {
        arn: PROFILE_ARN,
        enabled: true,
        roleArns: [ROLE_ARN],
        durationSeconds: 3600,
        acceptRoleSessionName: false,
        requireInstanceProperties: false,
        attributeMappings: DEFAULT_MAPPINGS,
        sessionPolicies: [],
        ...profile,
      },
    ],
    roles: [{ arn: ROLE_ARN, trustPolicy: trustPolicy(), ...role }, ...roles].map((one) => ({ ...BARE_ROLE, ...one })),
    managedPolicies: new Map(managedPolicies.map((policy) => [policy.name, policy])),
  };
}

export interface Asking extends Partial<SigningChoices> {
  readonly device?: Device;
  readonly form?: WireForm;
  readonly parameters?: Parameters;
  readonly path?: string;
  readonly headers?: HttpRequest['headers'];
  /** Changes the signed request. */
  readonly tamper?: (request: HttpRequest) => HttpRequest;
}

/** An emulator on a socket, an authority that it trusts, and a device that it accepts. */
export class Emulated {
  readonly clock: VirtualClock;
  readonly authority: Authority;
  readonly log: { readonly message: string; readonly fields: unknown }[] = [];
  readonly #server: Server;
  readonly #device: Issued;

  private constructor(
    authority: Authority,
    device: Issued,
    options: Partial<EmulatorOptions>,
    changes: AccountChanges,
  ) {
    this.clock = new VirtualClock();
    this.authority = authority;
    this.#device = device;
    this.#server = buildEmulator({
      account: accountWith(authority, changes),
      clock: this.clock,
      log: (_, message, fields) => this.log.push({ message, fields }),
      ...options,
    });
  }

  static async start(changes: AccountChanges = {}, options: Partial<EmulatorOptions> = {}): Promise<Emulated> {
    const authority = await makeAuthority();
    const emulated = new Emulated(authority, await authority.issue({ serial: '5a01' }), options, changes);
    await new Promise<void>((resolve) => emulated.#server.listen(0, '127.0.0.1', resolve));
    return emulated;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get device(): Device {
    return deviceOf(this.#device);
  }

  async issue(options: LeafOptions): Promise<Device> {
    return deviceOf(await this.authority.issue(options));
  }

  /** A signed, valid CreateSession, with the changes of the test. */
  request(asking: Asking = {}): HttpRequest {
    const { device = this.device, form = 'query', parameters = PARAMETERS, headers = [], tamper } = asking;
    const plain = createSessionRequest(parameters, form, asking.path);
    const choices = { at: this.clock.now(), ...asking };
    const host = `127.0.0.1:${this.port}`;
    const signed = signX509({ ...plain, headers: [...plain.headers, ...headers] }, device, host, choices);
    return tamper ? tamper(signed) : signed;
  }

  createSession(asking: Asking = {}): Promise<RawResponse> {
    return this.send(this.request(asking));
  }

  send(request: HttpRequest): Promise<RawResponse> {
    return rawExchange(this.port, bytesOf(request));
  }

  async control(method: string, path: string, body?: unknown): Promise<{ status: number; body: unknown }> {
    const response = await fetch(`${this.url}/_emulator${path}`, {
      method,
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    return { status: response.status, body: await response.json() };
  }

  async stop(): Promise<void> {
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

export function deviceOf({ certificateDer, privateKey }: Issued, chain?: readonly Buffer[]): Device {
  return { certificate: certificateDer, privateKey, ...(chain ? { chain } : {}) };
}

export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
  readonly expiration: string;
}

/** The parts of the documented answer. */
export interface SessionAnswer {
  readonly credentialSet: readonly {
    readonly assumedRoleUser: { readonly arn: string; readonly assumedRoleId: string };
    readonly credentials: Credentials;
    readonly packedPolicySize: number;
    readonly roleArn: string;
    readonly sourceIdentity: string;
  }[];
  readonly subjectArn: string;
}

export function answerOf({ body }: RawResponse): SessionAnswer {
  return JSON.parse(body) as SessionAnswer;
}

export function credentialsOf(response: RawResponse): Credentials {
  const credentials = answerOf(response).credentialSet[0]?.credentials;
  if (!credentials) throw new Error(`no credentials in ${response.body}`);
  return credentials;
}
