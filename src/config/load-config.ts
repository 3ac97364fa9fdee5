import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { LineCounter, isCollection, isMap, isNode, isSeq, parseDocument, type Document } from 'yaml';
import { messageOf } from '../foundation/errors.ts';
import { checkYamlBounds } from '../foundation/yaml-bounds.ts';
import { checkForm, keyText, type FormProblem, type KeyPath } from './check-form.ts';
import { ConfigInvalid, configError, type ConfigProblem } from './config-errors.ts';
import type { Config } from './config.ts';
import { resolveConfig } from './resolve-config.ts';

/**
 * Reads a configuration file. Paths in it are relative to its own directory.
 *
 * @throws CodedError CONFIG_UNREADABLE or CONFIG_NOT_YAML; ConfigInvalid with every problem and its place.
 */
export async function loadConfig(file: string): Promise<Config> {
  const lines = new LineCounter();
  const document = parseYaml(file, await readText(file), lines);
  const form = checkForm(plainValue(file, document));
  const outcome = form.ok ? resolveConfig(form.config, path.dirname(path.resolve(file))) : form;
  if (outcome.ok) return outcome.config;
  throw new ConfigInvalid(
    file,
    outcome.problems.map((problem) => placed(problem, document, lines)),
  );
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw configError('CONFIG_UNREADABLE', `cannot read the configuration ${file}: ${messageOf(error)}`, error);
  }
}

function parseYaml(file: string, text: string, lineCounter: LineCounter): Document.Parsed {
  try {
    checkYamlBounds(text);
  } catch (error) {
    throw configError('CONFIG_NOT_YAML', `${file} cannot be read as YAML: ${messageOf(error)}`, error);
  }
  const document = parseDocument(text, { lineCounter, uniqueKeys: true, logLevel: 'error' });
  const [error] = document.errors;
  if (error) throw configError('CONFIG_NOT_YAML', `${file} is not YAML: ${error.message}`);
  return document;
}

/** The library refuses what aliases would blow up. */
function plainValue(file: string, document: Document.Parsed): unknown {
  try {
    return document.toJS();
  } catch (error) {
    throw configError('CONFIG_NOT_YAML', `${file} cannot be read as YAML: ${messageOf(error)}`, error);
  }
}

function placed({ path: keys, error }: FormProblem, document: Document.Parsed, lines: LineCounter): ConfigProblem {
  const offset = offsetOf(document, keys);
  if (offset === undefined) return { key: keyText(keys), error };
  const { line, col } = lines.linePos(offset);
  return { key: keyText(keys), place: `${line}:${col}`, error };
}

/** Where a key stands in the text, or the nearest one above it that is there. */
function offsetOf(document: Document.Parsed, keys: KeyPath): number | undefined {
  for (let depth = keys.length; depth > 0; depth -= 1) {
    const parent = document.getIn(keys.slice(0, depth - 1), true);
    const start = isCollection(parent) ? startOf(parent, keys[depth - 1]) : undefined;
    if (start !== undefined) return start;
  }
  return undefined;
}

function startOf(parent: unknown, key: string | number | undefined): number | undefined {
  const node = isMap(parent)
    ? parent.items.find((pair) => String(pair.key) === key)?.key
    : isSeq(parent)
      ? parent.get(key, true)
      : undefined;
  return isNode(node) ? node.range?.[0] : undefined;
}
