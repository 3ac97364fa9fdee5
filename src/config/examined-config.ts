import type { KeyPath } from '../foundation/config-finding.ts';
import { checkForm, type FormProblem } from './check-form.ts';
import type { Config, IdentityConfig } from './config.ts';
import { resolveConfig } from './resolve-config.ts';
import { resolveIdentity } from './resolve-identity.ts';
import { identityIn, type WrittenConfig } from './schema.ts';

export interface ExaminedConfig {
  /** Absent if there are problems. */
  readonly config: Config | undefined;
  readonly problems: readonly FormProblem[];
  /** Present even with other problems, so that its files can be checked at the same time. */
  readonly identity: IdentityConfig | undefined;
}

/** Checks everything, and reports all problems: none hides another one. */
export function examineConfig(content: unknown, directory: string): ExaminedConfig {
  const writtenIdentity = identityIn(content, directory);
  const identity = writtenIdentity && resolveIdentity(writtenIdentity);
  const form = checkForm(content, directory);
  if (!form.ok) {
    const rest = restOf(content, directory);
    return { config: undefined, problems: [...form.problems, ...(rest ? meaningOf(rest) : [])], identity };
  }
  const outcome = resolveConfig(form.config);
  return outcome.ok
    ? { config: outcome.config, problems: [], identity }
    : { config: undefined, problems: outcome.problems, identity };
}

/** A configuration without its malformed values. */
interface Rest {
  readonly written: WrittenConfig;
  /** Where values were left out. */
  readonly left: readonly KeyPath[];
  /** The path in the file of a path in `written`, whose lists may be shorter. */
  readonly original: (path: KeyPath) => KeyPath;
}

function meaningOf({ written, left, original }: Rest): FormProblem[] {
  const outcome = resolveConfig(written);
  if (outcome.ok) return [];
  return outcome.problems
    .map(({ path, about = [], error }) => ({ path: original(path), about: about.map(original), error }))
    .filter(({ path, about }) => ![path, ...about].some((one) => left.some((other) => overlap(one, other))));
}

/** Placeholders for required values. Problems of placeholders are not reported. */
const STAND_INS = { identity: { certificate: 'any' }, roles: [{ roleArn: 'any' }] };

function restOf(content: unknown, directory: string): Rest | undefined {
  if (typeof content !== 'object' || content === null || Array.isArray(content)) return undefined;
  const left: KeyPath[] = Object.keys(STAND_INS).flatMap((key) => (key in content ? [] : [[key]]));
  for (;;) {
    const positions: Positions = new WeakMap();
    const candidate = { ...STAND_INS, ...(without(content, { left, positions }, []) as object) };
    const form = checkForm(candidate, directory);
    const original = (path: KeyPath): KeyPath => originalPath(candidate, positions, path);
    if (form.ok) return { written: form.config, left, original };
    // Without a required key, everything that needs it is left out too.
    const next = form.problems.map(({ path }) => original(has(candidate, path) ? path : path.slice(0, -1)));
    if (next.some((path) => path.length === 0 || left.some((one) => isSame(one, path)))) return undefined;
    left.push(...next);
  }
}

/** For each copied list: the original positions of its items. */
type Positions = WeakMap<object, readonly number[]>;

/** No configuration is deeper. A YAML alias may be infinitely deep. */
const DEEPEST = 8;

interface Omission {
  readonly left: readonly KeyPath[];
  readonly positions: Positions;
}

function without(value: unknown, omission: Omission, path: KeyPath): unknown {
  const isLeft = (key: string | number): boolean => omission.left.some((one) => isSame(one, [...path, key]));
  const inner = (key: string | number, item: unknown): unknown => without(item, omission, [...path, key]);
  if (typeof value !== 'object' || value === null || path.length > DEEPEST) return value;
  if (!Array.isArray(value))
    return Object.fromEntries(
      Object.entries(value).flatMap(([key, item]) => (isLeft(key) ? [] : [[key, inner(key, item)]])),
    );
  const positions = value.flatMap((_, index) => (isLeft(index) ? [] : [index]));
  const copy = positions.map((index) => inner(index, value[index]));
  omission.positions.set(copy, positions);
  return copy;
}

function originalPath(root: unknown, positions: Positions, path: KeyPath): KeyPath {
  let value = root;
  return path.map((key) => {
    const before = Array.isArray(value) && typeof key === 'number' ? positions.get(value)?.[key] : undefined;
    value = (value as Readonly<Record<string | number, unknown>> | undefined)?.[key];
    return before ?? key;
  });
}

function has(root: unknown, path: KeyPath): boolean {
  let value = root;
  for (const key of path) value = (value as Readonly<Record<string | number, unknown>> | undefined)?.[key];
  return value !== undefined;
}

function isSame(one: KeyPath, other: KeyPath): boolean {
  return one.length === other.length && overlap(one, other);
}

/** Whether one path is a prefix of the other. */
function overlap(one: KeyPath, other: KeyPath): boolean {
  return one.slice(0, other.length).every((key, depth) => key === other[depth] || key === '*');
}
