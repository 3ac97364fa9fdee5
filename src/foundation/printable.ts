/** Controls of both sets (C0 without tab and line end, DEL, C1), and characters that reorder or hide text or end a line. */
const UNPRINTABLE = /(?![\t\n])[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}]/gu;

/**
 * Text for people, in which nothing but text is left: what a certificate, a file or a server says must not move a cursor, hide a
 * line or set a title. Such a character is shown as `\x1b` or `\u202e`.
 *
 * @param backslash - what an escape begins with; two where the text is JSON, and is parsed before it is shown.
 */
export function printable(text: string, backslash = '\\'): string {
  return text.replaceAll(UNPRINTABLE, (character) => {
    const hex = (character.codePointAt(0) ?? 0).toString(16);
    return backslash + (hex.length <= 2 ? `x${hex.padStart(2, '0')}` : `u${hex.padStart(4, '0')}`);
  });
}
