import { helperCommands, type HelperCommand, type Remark } from './helper-command.ts';

export interface HelperLines {
  readonly commands: readonly HelperCommand[];
  /** On lines that are no command. */
  readonly remarks: readonly Remark[];
}

/**
 * Everything that starts aws_signing_helper in a file: `credential_process` in ~/.aws/config, `ExecStart` in a unit, a line of shell.
 * Each line that names it, but for comments, is either a command or a remark.
 */
export function helperLines(text: string): HelperLines {
  const commands: HelperCommand[] = [];
  const remarks: Remark[] = [];
  let profile: string | undefined;
  for (const { line, content } of logicalLines(text)) {
    const section = /^\s*\[\s*(?:profile\s+)?["']?(?<name>.*?)["']?\s*\]/.exec(content)?.groups?.['name'];
    if (section !== undefined) profile = section;
    if (!content.includes('aws_signing_helper') || ONLY_WORDS.test(content)) continue;
    const owner = /^\s*credential_process\s*=/.test(content) ? profile : undefined;
    for (const found of helperCommands(content, line, owner))
      if ('does' in found) commands.push(found);
      else remarks.push(found);
  }
  return { commands, remarks };
}

/** Settings of a unit that start nothing and nothing else uses. */
const ONLY_WORDS = /^\s*(?:Description|Documentation|SyslogIdentifier)\s*=/;

interface LogicalLine {
  /** Of its first part, counted from 1. */
  readonly line: number;
  readonly content: string;
}

/**
 * Lines that end in a backslash go on in the next, and a `credential_process` in those that are indented deeper; comments, also between
 * them, are left out.
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

/** As Python's configparser reads it, and botocore with it. */
function hangsFrom({ content }: LogicalLine, next: string): boolean {
  return /^\s*credential_process\s*=/.test(content) && /\S/.test(next) && indent(next) > indent(content);
}

function indent(line: string): number {
  return line.length - line.trimStart().length;
}
