// The language of the steps: what a step is given, and what it answers.

import type { AdminConfig, Config, IdentityConfig, RoleConfig } from '../config/config.ts';
import type { ConfigFile } from '../config/config-file.ts';
import type { EndpointAddress } from '../environment/sdk-settings.ts';
import type { Clock } from '../foundation/clock.ts';
import { type ConfigFinding, keyText } from '../foundation/config-finding.ts';
import type { CodedError } from '../foundation/errors.ts';
import type { Environment } from '../foundation/process-environment.ts';
import type { SigningIdentity } from '../identity/signing-identity.ts';
import type { ServiceUnit } from '../platform/service-unit.ts';
import type { RoleSession } from '../rolesanywhere/role-session.ts';
import type { NamedUser } from './written-places.ts';

/** Which part of the path a step is about. It decides the exit code. */
export const AREAS = ['configuration', 'host', 'network', 'service', 'endpoint', 'program', 'renewal'] as const;
export type Area = (typeof AREAS)[number];

export interface StepName {
  /** Stable, for programs. */
  readonly name: string;
  /** For people. */
  readonly title: string;
  readonly area: Area;
}

/** One part of the path from the configuration to the program that wants credentials. */
export interface Step extends StepName {
  readonly check: (known: Known, request: Request) => Promise<Found>;
}

/** What the user asked for. */
export interface Request {
  /** The configuration file. */
  readonly file: string;
  /** Only this role. Undefined: every role. */
  readonly role: string | undefined;
  /** The user of the daemon. Undefined: that of the systemd unit, if there is one. */
  readonly user: string | undefined;
  /** Makes no call with the identity. */
  readonly isDry: boolean;
  /** Of the shared AWS files: its keys read the account. */
  readonly withProfile: string | undefined;
  readonly environment: Environment;
  readonly clock: Clock;
  readonly userAgent: string;
  readonly ports: Ports;
}

export interface Failure {
  readonly code: string;
  readonly error: string;
  readonly remedy: string;
}

/** As much of its /status as doctor reports. */
export interface DaemonReport {
  readonly version: string;
  readonly summary: string;
  readonly configurationFault: Failure | null;
  readonly endpointFault: Failure | null;
  readonly identity: {
    readonly certificate: object | null;
    readonly fault: Failure | null;
    readonly renewal: { readonly failure: Failure | null } | null;
  };
  readonly roles: readonly {
    readonly name: string;
    readonly session: object | null;
    readonly failure: Failure | null;
  }[];
}

/** The ways to a running daemon that other commands use too. */
export interface Ports {
  /** Asks the daemon on a socket for a session. @returns undefined: no daemon answers. */
  readonly askSocket: (socket: string, role: string) => Promise<object | undefined>;
  /** Asks the admin listener of the daemon. Rejects if it does not answer. */
  readonly askStatus: (admin: AdminConfig) => Promise<DaemonReport>;
  /** The first endpoint for programs. */
  readonly anyEndpoint: (config: Config) => EndpointAddress | undefined;
}

/** A cause that a step has ruled out for the steps behind it. */
export type Fact = 'certificate' | 'chain' | 'tags' | 'clock' | 'anchor' | 'profile' | 'role' | 'trust policy';

/** What earlier steps have found out. */
export interface Known {
  readonly file: ConfigFile;
  readonly config: Config;
  /** Those that were asked for. */
  readonly roles: readonly RoleConfig[];
  readonly user: NamedUser | undefined;
  readonly unit?: ServiceUnit | undefined;
  /** With the files that the service gets. */
  readonly sourced?: IdentityConfig | undefined;
  /** Undefined: it cannot be read here. */
  readonly identity?: SigningIdentity | undefined;
  /** The Date header of each endpoint of the service, by origin. */
  readonly dates?: ReadonlyMap<string, string | undefined>;
  /** By the name of the role. */
  readonly sessions?: ReadonlyMap<string, RoleSession>;
  readonly facts: readonly Fact[];
}

export interface StepFinding {
  /** An error is a cause: no step after it is checked. */
  readonly severity: 'error' | 'warning';
  readonly code: string;
  /** What happened, without secrets. */
  readonly message: string;
  readonly remedy: string;
  /** The key of the configuration, and `line:column` in its file. */
  readonly key?: string;
  readonly place?: string;
  /** What it can be, after everything that was ruled out before. */
  readonly left?: readonly string[];
  /** What it cannot be, because an earlier step has checked it. */
  readonly ruledOut?: readonly string[];
}

export interface Found {
  /** What was seen, in short lines. */
  readonly seen?: readonly string[];
  readonly findings?: readonly StepFinding[];
  /** What could not be checked here, and why. */
  readonly unchecked?: readonly string[];
  /** For the steps after it. Facts are added to those before. */
  readonly learned?: Partial<Known>;
}

export function asFinding(
  { code, message, remedy }: Pick<CodedError, 'code' | 'message' | 'remedy'>,
  severity: StepFinding['severity'] = 'error',
): StepFinding {
  return { severity, code, message, remedy };
}

/** With the place of its key. */
export function placed({ severity, path, error }: ConfigFinding, file: ConfigFile): StepFinding {
  const [key, place] = [keyText(path), file.placeOf(path)];
  return { ...asFinding(error, severity), ...(key !== '' && { key }), ...(place !== undefined && { place }) };
}

export function isCause({ findings = [] }: Found): boolean {
  return findings.some(({ severity }) => severity === 'error');
}

/** Several findings of one step. */
export function merged(found: readonly Found[]): Found {
  return {
    seen: found.flatMap(({ seen = [] }) => seen),
    findings: found.flatMap(({ findings = [] }) => findings),
    unchecked: found.flatMap(({ unchecked = [] }) => unchecked),
  };
}
