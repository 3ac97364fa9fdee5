// A PKCS#11 URI from a configuration or a command line: the object, separate from how to access it.
import { parsePkcs11Uri, type Pkcs11Uri } from './uri.ts';

export interface WrittenPkcs11 {
  readonly kind: 'pkcs11';
  /** Without the query: no PIN, no module. */
  readonly uri: string;
  /** Path or name; undefined: not in the URI. */
  readonly module: string | undefined;
  /** Path of the file with the PIN. */
  readonly pinFile: string | undefined;
}

/** @param text - starts with `pkcs11:`. @returns a text: the problem, to follow "must be". */
export function writtenPkcs11(text: string): WrittenPkcs11 | string {
  const parsed = parsePkcs11Uri(text);
  if (!parsed.ok) return `a PKCS#11 URI; ${parsed.fault}`;
  const { uri } = parsed;
  const [path = ''] = text.split('?');
  const fault = faultIn(uri);
  if (fault !== undefined) return fault;
  return { kind: 'pkcs11', uri: path, module: moduleIn(uri), pinFile: uri.pinSource && filePath(uri.pinSource) };
}

function faultIn({ pinValue, pinSource, modulePath }: Pkcs11Uri): string | undefined {
  if (pinValue !== undefined)
    return 'a PKCS#11 URI without pin-value, which others can read here: put the PIN into a file and name it with pin-source or passphrase';
  if (pinSource !== undefined && filePath(pinSource) === undefined)
    return 'a PKCS#11 URI whose pin-source is the absolute path of a file, such as file:/etc/imds-anywhere/pin';
  if (modulePath !== undefined && !modulePath.startsWith('/'))
    return 'a PKCS#11 URI whose module-path is an absolute path';
  return undefined;
}

/** `file:/path`, `file:///path` or only the path. A command, after "|", is not run. */
function filePath(pinSource: string): string | undefined {
  return /^(?:file:(?:\/\/)?)?(?<path>\/.*)$/.exec(pinSource)?.groups?.['path'];
}

/** RFC 7512 2.4: the name has neither `lib` nor `.so`; the path can be that of its directory. */
function moduleIn({ modulePath, moduleName }: Pkcs11Uri): string | undefined {
  if (modulePath === undefined || moduleName === undefined) return modulePath ?? moduleName;
  return `${modulePath.replace(/\/$/, '')}/lib${moduleName}.so`;
}
