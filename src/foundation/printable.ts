/**
 * Control characters (C0 without tab and line end, DEL, C1), and characters that reorder or hide
 * text or end a line.
 */
const UNPRINTABLE = /(?![\t\n])[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}]/gu;

/**
 * Escapes everything that is not plain text. Text from certificates, files and servers must not
 * move the cursor, hide a line or set a title. Escapes look like `\x1b` or `\u202e`.
 *
 * @param backslash - the start of an escape. Use two backslashes for JSON, which is parsed before
 * it is shown.
 */
export function printable(text: string, backslash = '\\'): string {
  return text.replaceAll(UNPRINTABLE, (character) => {
    const hex = (character.codePointAt(0) ?? 0).toString(16);
    return backslash + (hex.length <= 2 ? `x${hex.padStart(2, '0')}` : `u${hex.padStart(4, '0')}`);
  });
}

/** The same for one line of a report: a line end must not begin another one. */
export function printableLine(text: string): string {
  return printable(text.replaceAll(/[\t\r\n]+/g, ' '));
}
