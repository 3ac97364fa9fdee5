import { withoutUserinfo } from '../foundation/address.ts';
import { ALL_CLIENTS, type Client } from './clients.ts';
import { containerFindings, isAtContainer, wayToContainer } from './container-endpoint.ts';
import { fileFindings } from './file-findings.ts';
import { keyFindings } from './key-findings.ts';
import { endpointUnset, proxyFindings, regionFindings } from './network-findings.ts';
import { type ActiveProfile, activeProfiles, homeParts, missingProfiles, type ProfilePart } from './profiles.ts';
import { roleFault } from './role-chain.ts';
import { type Rule, RULES, type Seen, unreadBy } from './rules.ts';
import type { Effect, Finding, SdkSettings } from './sdk-settings.ts';

/**
 * Finds everything in a program's environment and files that takes precedence over the endpoint, or
 * blocks the way to it.
 */
export function checkEnvironment(sdk: SdkSettings): readonly Finding[] {
  const profiles = activeProfiles(sdk);
  const isContainer = isAtContainer(sdk);
  const isForImds = !isContainer && !sdk.endpoint.client;
  const rules = RULES.filter(({ onlyImds }) => isForImds || !onlyImds);
  return [
    ...keyFindings(sdk),
    ...fileFindings(sdk),
    ...missingProfiles(sdk, profiles),
    ...rules.flatMap((rule) => [...inVariables(rule, sdk), ...inProfiles(rule, sdk, profiles)]),
    ...(sdk.endpoint.client ? wayToContainer(sdk) : containerFindings(sdk)),
    ...(isForImds ? [...endpointUnset(sdk, profiles), ...proxyFindings(sdk)] : []),
    ...regionFindings(sdk, profiles),
  ];
}

function inVariables(rule: Rule, sdk: SdkSettings): readonly Finding[] {
  const { variable } = rule;
  const value = variable === undefined ? undefined : sdk.environment[variable];
  if (variable === undefined || value === undefined) return [];
  const other = (name: string): string | undefined => sdk.environment[name];
  const seen = seenBy(sdk, { other, isSetting: false, roleFault: undefined, isOurs: false });
  const names = [variable, ...(rule.with ?? []).filter((name) => sdk.environment[name])];
  return finding(rule, { value, seen, subject: variable, clients: ALL_CLIENTS }, { do: 'unset', names });
}

function inProfiles(rule: Rule, sdk: SdkSettings, profiles: readonly ActiveProfile[]): readonly Finding[] {
  const { variable, setting } = rule;
  if (setting === undefined || (variable !== undefined && sdk.environment[variable])) return [];
  return profiles.flatMap((profile) =>
    [...profile.parts, ...homeParts(profile.name, sdk)].flatMap((part) =>
      inPart(rule, setting, { sdk, profile, part }),
    ),
  );
}

interface Place {
  readonly sdk: SdkSettings;
  readonly profile: ActiveProfile;
  readonly part: ProfilePart;
}

function inPart(rule: Rule, setting: string, { sdk, profile, part }: Place): readonly Finding[] {
  const { file, section } = part;
  const found = section.settings.get(setting);
  if (!found) return [];
  const other = (name: string): string | undefined => section.settings.get(name)?.value;
  const seen = seenBy(sdk, {
    other,
    isSetting: true,
    roleFault: roleFault(profile.name, sdk),
    isOurs: isOurs(setting, other, sdk),
  });
  const unread = unreadBy(file, sdk);
  const clients = profile.clients.filter((client) => !unread.includes(client));
  const names = [setting, ...(rule.with ?? [])].filter(
    (name, index, all) => section.settings.has(name) && all.indexOf(name) === index,
  );
  const subject = `${rule.what === undefined ? `${setting} of ` : ''}[${section.title}] in ${file.path}`;
  return finding(rule, { value: found.value, seen, subject, clients }, removal({ file, section }, names));
}

/** Lines in a profile, including nested lines. */
function removal({ file, section }: ProfilePart, names: readonly string[]): Finding['fix'] {
  const lines = names.map((name) => (section.settings.get(name)?.line ?? 0) + 1).sort((one, other) => one - other);
  return { do: 'remove', what: `${names.join(', ')} in [${section.title}]`, file: file.path, lines };
}

/**
 * A role assumed with the endpoint's credentials, and this program as credential_process, are
 * intended.
 */
function isOurs(setting: string, other: Seen['other'], sdk: SdkSettings): boolean {
  if (setting === 'credential_process') return /\bimds-anywhere\b/.test(other(setting) ?? '');
  const atContainer = sdk.endpoint.client !== undefined || isAtContainer(sdk);
  return (
    other('credential_source') === (atContainer ? 'EcsContainer' : 'Ec2InstanceMetadata') && !other('source_profile')
  );
}

function seenBy(sdk: SdkSettings, inside: Omit<Seen, 'url' | 'isAtContainer'>): Seen {
  const atContainer = sdk.endpoint.client !== undefined || isAtContainer(sdk);
  return { url: sdk.endpoint.url, isAtContainer: atContainer, ...inside };
}

interface Subject {
  readonly value: string;
  readonly seen: Seen;
  readonly subject: string;
  readonly clients: readonly Client[];
}

function finding(rule: Rule, { value, seen, subject, clients }: Subject, usualFix: Finding['fix']): readonly Finding[] {
  const effects = rule.readings
    .filter(({ when }) => when(value, seen))
    .map(({ clients: named, severity, how }) => ({ named, effect: { clients: common(named, clients), severity, how } }))
    .filter(({ named, effect }) => effect.clients.length > 0 || named.length === 0)
    .map(({ effect }): Effect => effect);
  if (effects.length === 0) return [];
  const fault = rule.code === 'ENV_PROFILE_ROLE' && seen.roleFault !== undefined ? `: ${seen.roleFault.what}` : '';
  const what = `${subject} ${rule.what ?? (value === '' ? 'is set, and empty' : `is ${shown(value)}`)}${fault}`;
  return [{ code: rule.code, what, effects: merged(effects), fix: rule.fix?.(seen) ?? usualFix }];
}

function common(some: readonly Client[], others: readonly Client[]): readonly Client[] {
  return some.filter((client) => others.includes(client));
}

/** Groups clients with the same behaviour on one line. */
function merged(effects: readonly Effect[]): readonly Effect[] {
  const byHow = new Map<string, Effect>();
  for (const effect of effects) {
    const before = byHow.get(effect.how);
    const clients = [...(before?.clients ?? []), ...effect.clients];
    byHow.set(effect.how, { ...effect, clients: [...new Set(clients)] });
  }
  return [...byHow.values()];
}

/** Quoted, because leading and trailing spaces are the problem. */
function shown(value: string): string {
  const text = withoutUserinfo(value);
  return /^\s|\s$/.test(text) ? JSON.stringify(text) : text;
}
