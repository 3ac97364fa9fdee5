// What another person needs to understand a failure, in one file without secrets.

import { arch, release } from 'node:os';
import * as v from 'valibot';
import { createFile } from '../files/create-file.ts';
import { readFirst } from '../files/open-file.ts';
import { CodedError, messageOf } from '../foundation/errors.ts';
import type { Environment } from '../foundation/process-environment.ts';
import { pemOf } from '../identity/pem.ts';
import type { Diagnosis } from './diagnosis.ts';
import { doctorError } from './doctor-errors.ts';
import { AREAS, type Known } from './step.ts';

const KIND = 'imds-anywhere support bundle';

/** @throws CodedError BUNDLE_NOT_WRITTEN, also if the file exists, or one of `fileErrors`. */
export async function writeBundle(
  file: string,
  diagnosis: Diagnosis,
  known: Known | undefined,
  environment: Environment,
): Promise<void> {
  const bundle = {
    kind: KIND,
    diagnosis,
    host: { node: process.version, system: `${process.platform} ${release()} ${arch()}`, uid: process.getuid?.() },
    environment: shownEnvironment(environment),
    configuration: known && shownConfig(known.config),
    certificates:
      known?.identity && [known.identity.certificate, ...known.identity.chain].map((der) => pemOf('CERTIFICATE', der)),
  };
  try {
    await createFile(file, () => Promise.resolve(`${JSON.stringify(bundle, undefined, 2)}\n`));
  } catch (error) {
    if (error instanceof CodedError) throw error;
    throw doctorError('BUNDLE_NOT_WRITTEN', `cannot write ${file}: ${messageOf(error)}`, error);
  }
}

/** The variables that this program and SDKs read. */
const VARIABLES =
  /^(?:AWS_\w+|(?:HTTPS?|NO|ALL)_PROXY|SSL_CERT_(?:FILE|DIR)|NODE_OPTIONS|NODE_EXTRA_CA_CERTS|CREDENTIALS_DIRECTORY|KUBERNETES_SERVICE_HOST|NOTIFY_SOCKET)$/i;

/** Their values cannot be secrets. */
const SHOWN = /^AWS_(?:DEFAULT_)?REGION$|^AWS_EC2_METADATA_(?:DISABLED|V1_DISABLED|SERVICE_ENDPOINT_MODE)$/;

/** Of other variables, only that they are set: a value in the wrong variable can be a secret. */
export function shownEnvironment(environment: Environment): Readonly<Record<string, string>> {
  const names = Object.keys(environment).filter((name) => VARIABLES.test(name));
  const shown = names.map((name) => [
    name,
    SHOWN.test(name) ? (environment[name] ?? '') : environment[name] ? 'set' : '',
  ]);
  return Object.fromEntries(shown) as Record<string, string>;
}

/** What two parties agree on. Passphrases are named by their file only, programs without arguments. */
const HIDDEN: ReadonlySet<string> = new Set(['externalId', 'tags', 'policy']);

/** The checked configuration. The file itself can have a secret in a comment or at a wrong key. */
export function shownConfig(value: unknown, key = ''): unknown {
  if (HIDDEN.has(key) || value instanceof Uint8Array) return 'hidden';
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value))
    return ['argv', 'command'].includes(key)
      ? value.map((item: unknown, index) => (index === 0 ? item : 'hidden'))
      : value.map((item) => shownConfig(item));
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, shownConfig(item, name)]));
}

const texts = v.array(v.string());

const findingSchema = v.object({
  ...{ severity: v.picklist(['error', 'warning']), code: v.string(), message: v.string(), remedy: v.string() },
  ...{ key: v.exactOptional(v.string()), place: v.exactOptional(v.string()) },
  ...{ left: v.exactOptional(texts), ruledOut: v.exactOptional(texts) },
});

const diagnosisSchema = v.object({
  ...{ schema: v.literal(1), version: v.string(), time: v.string(), file: v.string() },
  exitCode: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(255)),
  cause: v.exactOptional(v.object({ step: v.string(), code: v.string() })),
  steps: v.array(
    v.object({
      ...{ name: v.string(), title: v.string() },
      area: v.picklist(AREAS),
      outcome: v.picklist(['passed', 'failed', 'unchecked', 'not reached']),
      ...{ seen: texts, findings: v.array(findingSchema), unchecked: texts },
    }),
  ),
});

const bundleSchema = v.object({ kind: v.literal(KIND), diagnosis: diagnosisSchema });

/** A longer file is none. */
const MOST_BYTES = 4 * 1024 * 1024;

/** The diagnosis in a bundle, which may come from anyone. @throws CodedError BUNDLE_UNREADABLE */
export async function readBundle(file: string): Promise<Diagnosis> {
  try {
    const { content } = await readFirst(file, MOST_BYTES);
    if (content.length > MOST_BYTES) throw new Error(`it is larger than ${MOST_BYTES / 1024 / 1024} MiB`);
    return v.parse(bundleSchema, JSON.parse(content.toString('utf8'))).diagnosis;
  } catch (error) {
    throw doctorError('BUNDLE_UNREADABLE', `${file} is no support bundle: ${messageOf(error)}`, error);
  }
}
