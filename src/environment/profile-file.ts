// The format of the shared files (AWS SDKs and Tools Reference, "Shared config and credentials
// files"): sections, `key = value`, comments, and lines indented deeper than a key, which belong to
// it. As in botocore, a section or key may be indented.

export interface ProfileFile {
  readonly sections: readonly Section[];
  /** Lines that are invalid, or repeat a section. */
  readonly faults: readonly Fault[];
}

export interface Section {
  /** The text in the brackets, such as `default` or `profile ci`. */
  readonly title: string;
  /** Line of its header, counted from 0. */
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
  readonly kind: FaultKind;
}

/** Clients differ in which of these they treat as an error. */
export type FaultKind = 'byte order mark' | 'twice' | 'no setting' | 'indented' | 'nested';

/** Keeps the spaces in the brackets: for botocore and JavaScript, `[ ci ]` is not `[ci]`. */
const HEADER = /^\s*\[(?<title>[^\]]*)\]\s*(?:[#;].*)?$/;
const SETTING = /^\s*(?<key>[^\s=:][^=:]*?)\s*[=:]\s*(?<value>.*?)\s*$/;

export function parseProfiles(text: string): ProfileFile {
  const sections: (Section & { readonly settings: Map<string, Setting> })[] = [];
  const faults: Fault[] = [];
  /** The setting that deeper lines belong to. */
  let depth = Infinity;
  for (const [line, content] of linesOf(text).entries()) {
    const fault = (kind: FaultKind, what: string): void => void faults.push({ line: line + 1, kind, what });
    if (line === 0 && text.startsWith(BYTE_ORDER_MARK)) fault('byte order mark', 'it begins with a byte order mark');
    if (/^\s*(?:[#;]|$)/.test(content)) continue;
    if (indentation(content).length > depth) {
      if (!content.includes('=')) fault('nested', 'an indented line has no `=`');
      continue;
    }
    const title = HEADER.exec(content)?.groups?.['title'];
    if (title !== undefined) {
      if (indentation(content) !== '') fault('indented', 'the section is indented');
      if (sections.some((section) => section.title === title)) fault('twice', `[${title}] is there a second time`);
      sections.push({ title, line, settings: new Map() });
      depth = Infinity;
      continue;
    }
    const { key, value = '' } = SETTING.exec(content)?.groups ?? {};
    const section = sections.at(-1);
    if (key === undefined) fault('no setting', 'neither a section nor a setting');
    else if (!section) fault('no setting', 'a setting before the first section');
    else {
      const name = key.toLowerCase();
      if (section.settings.has(name)) fault('twice', `${name} is in [${section.title}] a second time`);
      section.settings.set(name, { value, line });
      depth = indentation(content).length;
    }
  }
  return { sections, faults };
}

const BYTE_ORDER_MARK = '\uFEFF';

function linesOf(text: string): readonly string[] {
  return (text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text).split(/\r\n|\n|\r/);
}

export function indentation(line: string): string {
  return /^\s*/.exec(line)?.[0] ?? '';
}

/** The profile name of a section of ~/.aws/config; undefined for `sso-session` and the like. */
export function profileInConfig(title: string): string | undefined {
  return title === 'default' ? title : /^profile\s+["']?(?<name>.*?)["']?\s*$/.exec(title)?.groups?.['name'];
}
