import type { Secret } from '../foundation/secret.ts';
import { indentation, parseProfiles, type Section } from './profile-file.ts';

/**
 * The text of a credentials file with these settings in a profile, and all other lines unchanged.
 * Existing settings are replaced in place, and new ones follow the section's header. A missing
 * profile is added at the end. If a profile occurs twice, both are changed, because some clients
 * use the first and some the last.
 */
export function withProfileSettings(text: string, profile: string, settings: Readonly<Record<string, string>>): string {
  const newline = text.includes('\r\n') ? '\r\n' : '\n';
  const sections = parseProfiles(text).sections.filter(({ title }) => title === profile);
  const [section] = sections;
  const added = (names: readonly string[], indent = ''): string[] =>
    names.flatMap((name) => [`${indent}${name} = ${settings[name] ?? ''}`, newline]);
  if (!section) {
    const end = text === '' || /[\r\n]$/.test(text) ? '' : newline;
    return [text, end, `[${profile}]`, newline, ...added(Object.keys(settings))].join('');
  }
  // Lines and their line ends alternate, so that each line keeps its own.
  const parts = text.split(/(\r\n|\n|\r)/);
  for (const one of sections)
    for (const [name, value] of Object.entries(settings)) replaceSetting(parts, one, name, value);
  const missing = Object.keys(settings).filter((name) => !section.settings.has(name));
  const next = 2 * (section.line + 1);
  const isLast = parts.length < next;
  parts.splice(next, 0, ...(isLast ? [newline] : []), ...added(missing, indentOf(section, parts)));
  return parts.join('');
}

/** Settings that are indented deeper than the previous one would belong to it. */
function indentOf({ settings }: Section, parts: readonly string[]): string {
  const [first] = [...settings.values()].map(({ line }) => line).sort((one, other) => one - other);
  return first === undefined ? '' : indentation(parts[2 * first] ?? '');
}

/** Keeps the text before the value. Deeper lines after it are the rest of the old value. */
function replaceSetting(parts: string[], { settings }: Section, name: string, value: string): void {
  const line = settings.get(name)?.line;
  if (line === undefined) return;
  for (const folded of foldedLines(parts, line)) parts.fill('', 2 * folded, 2 * folded + 2);
  parts[2 * line] = (parts[2 * line] ?? '').replace(/^([^=:]*[=:][ \t]*).*$/, (_, before: string) => before + value);
}

/** The continuation lines of a value. Empty lines and comments among them stay. */
function foldedLines(parts: readonly string[], line: number): number[] {
  const depth = indentation(parts[2 * line] ?? '').length;
  const folded: number[] = [];
  for (let next = line + 1; 2 * next < parts.length; next += 1) {
    const content = parts[2 * next] ?? '';
    if (/^\s*(?:[#;]|$)/.test(content)) continue;
    if (indentation(content).length <= depth) break;
    folded.push(next);
  }
  return folded;
}

/** The part of a role session that a profile needs. */
export interface ProfileSession {
  readonly accessKeyId: string;
  readonly secretAccessKey: Secret;
  readonly sessionToken: Secret;
}

/** botocore reads the older name of the token first, so an existing one must be removed. */
export function withSessionSettings(text: string, profile: string, session: ProfileSession): string {
  const token = session.sessionToken.reveal();
  const section = parseProfiles(text).sections.find(({ title }) => title === profile);
  return withProfileSettings(text, profile, {
    aws_access_key_id: session.accessKeyId,
    aws_secret_access_key: session.secretAccessKey.reveal(),
    aws_session_token: token,
    ...(section?.settings.has('aws_security_token') && { aws_security_token: token }),
  });
}
