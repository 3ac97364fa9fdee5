import { isUtf8 } from 'node:buffer';

/**
 * The text of a file, without a byte order mark. Node would replace what is not UTF-8, so that a
 * name or a path silently became another one.
 *
 * @throws RangeError that names the line.
 */
export function utf8Text(content: Buffer): string {
  if (content.includes(0)) throw new RangeError('it is not in UTF-8: for UTF-16, run `iconv -f UTF-16 -t UTF-8`');
  if (isUtf8(content)) return content.toString('utf8').replace(/^\uFEFF/, '');
  const lines = content.toString('latin1').split('\n');
  const line = lines.findIndex((text) => !isUtf8(Buffer.from(text, 'latin1'))) + 1;
  throw new RangeError(`line ${line} is not in UTF-8: for Latin-1, run \`iconv -f ISO-8859-1 -t UTF-8\``);
}
