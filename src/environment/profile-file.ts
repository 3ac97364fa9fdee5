// The format of the shared files (AWS SDKs and Tools Reference, "Shared config and credentials files"): sections, `key = value`,
// comments, and indented lines that belong to the key before them.

export interface ProfileFile {
  readonly sections: readonly Section[];
  /** Lines that are none of these, or say a section twice. */
  readonly faults: readonly Fault[];
}

export interface Section {
  /** What stands in the brackets, such as `default` or `profile ci`. */
  readonly title: string;
  /** Where its header stands, counted from 0. */
  readonly line: number;
  /** Keys in lower case. */
  readonly settings: ReadonlyMap<string, Setting>;
}

export interface Setting {
  readonly value: string;
  readonly line: number;
}

export interface Fault {
  /** Counted from 1. */
  readonly line: number;
  readonly what: string;
}

const HEADER = /^\[\s*(?<title>[^\]]*?)\s*\]\s*(?:[#;].*)?$/;
const SETTING = /^(?<key>[^\s=:][^=:]*?)\s*[=:]\s*(?<value>.*?)\s*$/;

export function parseProfiles(text: string): ProfileFile {
  const sections: (Section & { readonly settings: Map<string, Setting> })[] = [];
  const faults: Fault[] = [];
  for (const [line, content] of text
    .replace(/^\uFEFF/, '')
    .split(/\r\n|\n|\r/)
    .entries()) {
    const fault = (what: string): void => void faults.push({ line: line + 1, what });
    // Indented lines continue a value (`s3 =` and its own settings below).
    if (/^\s*(?:[#;]|$)/.test(content) || (/^\s/.test(content) && sections.at(-1)?.settings.size)) continue;
    const title = HEADER.exec(content)?.groups?.['title'];
    if (title !== undefined) {
      if (sections.some((section) => section.title === title)) fault(`[${title}] stands there a second time`);
      sections.push({ title, line, settings: new Map() });
      continue;
    }
    const { key, value = '' } = SETTING.exec(content)?.groups ?? {};
    const section = sections.at(-1);
    if (key === undefined) fault('neither a section nor a setting');
    else if (!section) fault('a setting before the first section');
    else section.settings.set(key.toLowerCase(), { value, line });
  }
  return { sections, faults };
}

/** The name of the profile a section of ~/.aws/config stands for; undefined for `sso-session` and the like. */
export function profileInConfig(title: string): string | undefined {
  return title === 'default' ? title : /^profile\s+["']?(?<name>.*?)["']?$/.exec(title)?.groups?.['name'];
}
