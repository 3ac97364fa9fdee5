/**
 * The content of the first element of this name, with its child elements; undefined if there is
 * none. Enough for the query protocol of AWS, whose elements have no attributes besides a namespace.
 */
export function elementIn(xml: string, name: string): string | undefined {
  const start = new RegExp(`<${name}(?:\\s[^<>]*)?>`).exec(xml);
  if (!start) return undefined;
  const from = start.index + start[0].length;
  const end = xml.indexOf(`</${name}>`, from);
  return end === -1 ? undefined : xml.slice(from, end);
}

/** The text of the first element of this name that has no child elements. */
export function textIn(xml: string, name: string): string | undefined {
  const content = elementIn(xml, name);
  return content === undefined || content.includes('<') ? undefined : xmlText(content);
}

const NAMED: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

/** XML 1.0, 4.1 and 4.6. Unknown entities stay as they are. */
function xmlText(text: string): string {
  return text.replace(/&(?:#(\d{1,7})|#x([\da-fA-F]{1,6})|(\w{1,8}));/g, (whole, decimal, hex, name: string) => {
    if (name) return NAMED[name] ?? whole;
    const code = decimal === undefined ? Number.parseInt(String(hex), 16) : Number(decimal);
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
}
