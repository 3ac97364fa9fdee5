import path from 'node:path';
import { type Document, isAlias, isCollection, isMap, isNode, isSeq, LineCounter, parseDocument } from 'yaml';
import { readFirst } from '../files/open-file.ts';
import { streamAt } from '../files/stream.ts';
import { type ConfigFinding, configFinding, type KeyPath } from '../foundation/config-finding.ts';
import { messageOf } from '../foundation/errors.ts';
import { utf8Text } from '../foundation/utf8-text.ts';
import { checkYamlBounds } from '../foundation/yaml-bounds.ts';
import { configError } from './config-errors.ts';

/** A configuration file as YAML: its values, and where each was written. */
export interface ConfigFile {
  readonly name: string;
  /** Paths in the file are relative to it. */
  readonly directory: string;
  readonly content: unknown;
  /** Who else could change it. */
  readonly findings: readonly ConfigFinding[];
  /** `12:5`: line and column of a key, or of the nearest existing parent. */
  readonly placeOf: (keys: KeyPath) => string | undefined;
}

/** @throws CodedError CONFIG_UNREADABLE or CONFIG_NOT_YAML. */
export async function readConfigFile(name: string): Promise<ConfigFile> {
  const lines = new LineCounter();
  const { bytes, findings } = await readBytes(name);
  const document = parseYaml(name, bytes, lines);
  return {
    name,
    directory: path.dirname(path.resolve(name)),
    content: plainValue(name, document),
    findings,
    placeOf: (keys) => {
      const offset = offsetOf(document, keys);
      if (offset === undefined) return undefined;
      const { line, col } = lines.linePos(offset);
      return `${line}:${col}`;
    },
  };
}

/** More than the YAML limit, so that the message is about that limit. */
const MOST_BYTES = 1024 * 1024;

async function readBytes(
  file: string,
): Promise<{ readonly bytes: Buffer; readonly findings: readonly ConfigFinding[] }> {
  try {
    const stream = await streamAt(file);
    if (stream) return { bytes: await stream.read(), findings: [] };
    const { content, findings } = await readFirst(file, MOST_BYTES);
    return { bytes: content, findings: findings.map((finding) => configFinding(finding, [])) };
  } catch (error) {
    throw configError('CONFIG_UNREADABLE', `cannot read the configuration ${file}: ${messageOf(error)}`, error);
  }
}

function parseYaml(file: string, bytes: Buffer, lineCounter: LineCounter): Document.Parsed {
  const document = parseDocument(checkedText(file, bytes), { lineCounter, uniqueKeys: true, logLevel: 'error' });
  const [error] = document.errors;
  if (error) throw configError('CONFIG_NOT_YAML', `${file} is not YAML: ${firstLine(error.message)}`);
  return document;
}

function checkedText(file: string, bytes: Buffer): string {
  try {
    const text = utf8Text(bytes);
    checkYamlBounds(text);
    return text;
  } catch (error) {
    throw configError('CONFIG_NOT_YAML', `${file} cannot be read as YAML: ${messageOf(error)}`, error);
  }
}

/** The other lines repeat the file, where a secret may stand at a wrong place. */
function firstLine(text: string): string {
  return (text.split('\n', 1)[0] ?? '').replace(/:$/, '');
}

/** The library rejects exponential growth by aliases. */
function plainValue(file: string, document: Document.Parsed): unknown {
  try {
    return document.toJS();
  } catch (error) {
    throw configError('CONFIG_NOT_YAML', `${file} cannot be read as YAML: ${messageOf(error)}`, error);
  }
}

/** Follows aliases, so that a value is reported where it was written. */
function offsetOf(document: Document.Parsed, keys: KeyPath): number | undefined {
  let node: unknown = document.contents;
  let offset: number | undefined;
  for (const key of keys) {
    const parent = isAlias(node) ? node.resolve(document) : node;
    if (!isCollection(parent)) break;
    const start = startOf(parent, key);
    if (start === undefined) break;
    offset = start;
    node = parent.get(key, true);
  }
  return offset;
}

function startOf(parent: unknown, key: string | number): number | undefined {
  const node = isMap(parent)
    ? parent.items.find((pair) => String(pair.key) === key)?.key
    : isSeq(parent)
      ? parent.get(key, true)
      : undefined;
  return isNode(node) ? node.range?.[0] : undefined;
}
