import { helperCommand, type HelperCommand, type Remark } from './helper-command.ts';

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
    if (!content.includes('aws_signing_helper')) continue;
    const owner = /^\s*credential_process\s*=/.test(content) ? profile : undefined;
    const found = helperCommand(content, line, owner);
    if ('does' in found) commands.push(found);
    else remarks.push(found);
  }
  return { commands, remarks };
}

interface LogicalLine {
  /** Of its first part, counted from 1. */
  readonly line: number;
  readonly content: string;
}

/** Lines that end in a backslash go on in the next; comments, also between them, are left out. */
function logicalLines(text: string): readonly LogicalLine[] {
  const logical: LogicalLine[] = [];
  let open: LogicalLine | undefined;
  for (const [index, physical] of text.split(/\r\n|\n|\r/).entries()) {
    if (/^\s*[#;]/.test(physical)) continue;
    const joined: LogicalLine = open
      ? { line: open.line, content: `${open.content} ${physical}` }
      : { line: index + 1, content: physical };
    const continued = /\\\s*$/.test(physical);
    open = continued ? { ...joined, content: joined.content.replace(/\\\s*$/, '') } : undefined;
    if (!open) logical.push(joined);
  }
  return open ? [...logical, open] : logical;
}
