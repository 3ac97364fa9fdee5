import { callsIn, type HelperCall, isHelper, isSubcommand, namesHelper, type Origin } from './helper-calls.ts';
import { listedWord, shellCommands, type Word } from './shell-words.ts';

/** Settings that start no program. */
const ONLY_WORDS = /^\s*(?:Description|Documentation|SyslogIdentifier|Image)\s*=/;
/** Instructions of a Dockerfile that start no program. */
const ONLY_BUILDS = /^\s*(?:FROM|COPY|ADD|RUN|LABEL)\s/i;
const BASE = /^\s*FROM\s/i;
const INSTRUCTION = /^\s*(?<name>ENTRYPOINT|CMD)\s+(?<value>.*)$/i;

/**
 * The calls in a text that is read by lines: `credential_process` in ~/.aws/config, `ExecStart` in
 * a unit, `Exec` in a podman unit, `ENTRYPOINT` and `CMD` in a Dockerfile, lines of shell. Every
 * line that names the helper and is not a comment yields at least one call.
 */
export function textCalls(text: string): readonly HelperCall[] {
  const lines = logicalLines(text);
  if (isDockerfile(lines)) return imageCalls(lines);
  const { calls, rest } = listCalls(text);
  return [...calls, ...lineCalls(logicalLines(rest))].toSorted((one, other) => one.line - other.line);
}

/** `cmd` in small letters also begins a line of a batch file. */
function isDockerfile(lines: readonly LogicalLine[]): boolean {
  const hasBase = lines.some(({ content }) => BASE.test(content));
  return lines.some(({ content }) => INSTRUCTION.test(content) && (hasBase || /^\s*[A-Z]/.test(content)));
}

const STRING = String.raw`"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'`;
/** `["serve", "--port"]` in HCL, and `spawn('serve', ['--port'])`. */
const LIST = new RegExp(String.raw`(?:${STRING})(?:\s*,\s*\[?\s*(?:${STRING}))+`, 'g');

/** Calls as lists of strings, as in Terraform, Nomad and Python, and the text without them. */
function listCalls(text: string): { readonly calls: readonly HelperCall[]; readonly rest: string } {
  const calls: HelperCall[] = [];
  if (!namesHelper(text)) return { calls, rest: text };
  const rest = text.replaceAll(LIST, (list: string, offset: number) => {
    const words = (list.match(new RegExp(STRING, 'g')) ?? []).map((quoted) => listedWord(quoted.slice(1, -1)));
    const isOfImage = isSubcommand(words[0]) && words[1]?.text.startsWith('-') === true;
    const found = isOfImage ? [words] : words.some(isHelper) ? callsIn(words) : [];
    const line = text.slice(0, offset).split(/\r\n|\n|\r/).length;
    const origin: Origin = isOfImage ? { kind: 'container', name: undefined } : { kind: 'line' };
    calls.push(...found.map((call) => ({ line, origin, words: call })));
    return found.length > 0 ? list.replaceAll(/[^\r\n]/g, ' ') : list;
  });
  const hasImage = calls.some(({ origin }) => origin.kind === 'container');
  return { calls, rest: hasImage ? rest.replaceAll(/^\s*image\s*[=:].*$/gm, '') : rest };
}

interface LogicalLine {
  /** Line of its first part, counted from 1. */
  readonly line: number;
  readonly content: string;
}

function lineCalls(lines: readonly LogicalLine[]): readonly HelperCall[] {
  const isPodmanUnit = lines.some(({ content }) => /^\s*Image\s*=/.test(content) && namesHelper(content));
  const unit: Origin = {
    kind: 'unit',
    user: lines.flatMap(({ content }) => /^\s*User\s*=\s*(\S+)/.exec(content)?.[1] ?? []).at(-1),
    hasEnvironment: lines.some(({ content }) => /^\s*Environment(?:File)?\s*=/.test(content)),
  };
  const calls: HelperCall[] = [];
  let section = '';
  for (const { line, content } of lines) {
    section = /^\s*\[\s*(?:profile\s+)?["']?(?<name>.*?)["']?\s*\]/.exec(content)?.groups?.['name'] ?? section;
    const command = isPodmanUnit ? content.replace(/^\s*Exec\s*=/, 'Exec=aws_signing_helper ') : content;
    if (!namesHelper(command) || ONLY_WORDS.test(command)) continue;
    const inProfile = /^\s*credential_process\s*=/.test(command) && section !== '';
    const origin = originOf(command, inProfile ? { kind: 'profile', name: section } : unit);
    calls.push(...found(shellCommands(shellText(command)), line, origin));
  }
  return calls;
}

const ENGINE = /\b(?:docker|podman|nerdctl)\b.*\b(?:run|create)\b|^Exec=/;

function originOf(command: string, setting: Origin): Origin {
  if (ENGINE.test(command)) return { kind: 'container', name: /\s--name[= ](\S+)/.exec(command)?.[1] };
  return setting.kind === 'profile' || /^\s*Exec\w+\s*=/.test(command) ? setting : { kind: 'line' };
}

/**
 * In a Dockerfile, the last instruction of each kind counts, and the official image has its own
 * entry point.
 */
function imageCalls(lines: readonly LogicalLine[]): readonly HelperCall[] {
  const official = lines.some(({ content }) => BASE.test(content) && namesHelper(content));
  const last = (wanted: string): LogicalLine | undefined =>
    lines.findLast(({ content }) => INSTRUCTION.exec(content)?.groups?.['name']?.toUpperCase() === wanted);
  const [entrypoint, command] = [last('ENTRYPOINT'), last('CMD')];
  const own = official && !entrypoint ? [listedWord('aws_signing_helper')] : instructionWords(entrypoint);
  const words = [...own, ...instructionWords(command)];
  const others = lines.filter(
    ({ content }) => namesHelper(content) && !INSTRUCTION.test(content) && !ONLY_BUILDS.test(content),
  );
  const origin: Origin = { kind: 'container', name: undefined };
  return [
    ...(words.length > 0 && callsIn(words).length > 0
      ? found([words], (entrypoint ?? command)?.line ?? 1, origin)
      : []),
    ...others.map(({ line }) => ({ line, origin, words: [] })),
  ];
}

function instructionWords(instruction: LogicalLine | undefined): readonly Word[] {
  const value = INSTRUCTION.exec(instruction?.content ?? '')?.groups?.['value'] ?? '';
  try {
    const list: unknown = JSON.parse(value);
    if (Array.isArray(list)) return list.map(listedWord);
  } catch {
    // Not a list: a line of shell.
  }
  return shellCommands(value).flat();
}

function found(commands: readonly (readonly Word[])[], line: number, origin: Origin): HelperCall[] {
  const calls = commands.flatMap(callsIn);
  return (calls.length > 0 ? calls : [[]]).map((words) => ({ line, origin, words }));
}

/** The command of a setting. On Windows, a backslash is literal unless a quote follows. */
function shellText(content: string): string {
  const text = content.replace(/^\s*\w+\s*=\s*[-@:+!]*/, '');
  return /\.exe\b|(?:^|[\s"'=])[a-z]:\\/i.test(text) ? text.replaceAll(/\\(?!["'])/g, '\\\\') : text;
}

/**
 * A line that ends in a backslash continues on the next, and a `credential_process` continues on
 * deeper lines. Comments are skipped, even between such lines.
 */
function logicalLines(text: string): readonly LogicalLine[] {
  const logical: LogicalLine[] = [];
  let isOpen = false;
  for (const [index, physical] of text.split(/\r\n|\n|\r/).entries()) {
    if (/^\s*[#;]/.test(physical)) continue;
    const last = logical.at(-1);
    const content = physical.replace(/\\\s*$/, '');
    if (last && (isOpen || hangsFrom(last, physical)))
      logical.splice(-1, 1, { line: last.line, content: `${last.content} ${content}` });
    else logical.push({ line: index + 1, content });
    isOpen = content !== physical;
  }
  return logical;
}

/** Like Python's configparser, which botocore uses. */
function hangsFrom({ content }: LogicalLine, next: string): boolean {
  return /^\s*credential_process\s*=/.test(content) && /\S/.test(next) && indent(next) > indent(content);
}

function indent(line: string): number {
  return line.length - line.trimStart().length;
}
