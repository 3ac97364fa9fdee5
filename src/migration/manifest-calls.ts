import { type Document, isCollection, isPair, isScalar, LineCounter, type Node, parseAllDocuments, visit } from 'yaml';
import { checkYamlBounds } from '../foundation/yaml-bounds.ts';
import { callsIn, type HelperCall, isHelper, namesHelper } from './helper-calls.ts';
import { listedWord, shellCommands, type Word } from './shell-words.ts';
import { textCalls } from './text-calls.ts';

/**
 * The calls in YAML or JSON: containers of Kubernetes, Compose and ECS, lists of words, and
 * embedded texts, such as a script in a ConfigMap.
 * @returns undefined if the text is neither.
 */
export function manifestCalls(text: string): readonly HelperCall[] | undefined {
  const lines = new LineCounter();
  const documents = documentsIn(text, lines);
  if (!documents) return undefined;
  const calls: HelperCall[] = [];
  const engine = /^\s*-?\s*(?:apiVersion|kind|args):/m.test(text) ? 'kubernetes' : undefined;
  const lineOf = (node: Node): number => lines.linePos(node.range?.[0] ?? 0).line;
  for (const document of documents)
    visit(document, {
      Collection(_, node, ancestors) {
        const words = commandOf(node.toJS(document));
        if (!words) return undefined;
        const parent = ancestors.at(-1);
        const name = isPair(parent) && isScalar(parent.key) ? String(parent.key.value) : undefined;
        const origin = { kind: 'container', engine, name: nameOf(node.toJS(document)) ?? name } as const;
        calls.push(...callsIn(words).map((call) => ({ line: lineOf(node), origin, words: call })));
        return visit.SKIP;
      },
      Scalar(_, node) {
        const { value, type } = node;
        if (typeof value !== 'string' || !/\s/.test(value) || !namesHelper(value)) return;
        const offset = lineOf(node) - (type?.startsWith('BLOCK') ? 0 : 1);
        calls.push(...textCalls(value).map((call) => ({ ...call, line: call.line + offset })));
      },
    });
  return calls;
}

/** Enough for the manifests of a whole cluster in one file. */
const MOST_CHARACTERS = 4 * 1024 * 1024;

/** Undefined for text that is not YAML, or is YAML only in the way that any line of shell is. */
function documentsIn(text: string, lineCounter: LineCounter): readonly Document[] | undefined {
  if (!/^\s*(?:- |["{[]|[\w.-]+:(?:\s|$))/m.test(text)) return undefined;
  try {
    checkYamlBounds(text, MOST_CHARACTERS);
    const options = { lineCounter, merge: true, uniqueKeys: false, logLevel: 'error' } as const;
    const documents = [...parseAllDocuments(text, options)];
    const isManifest = documents.every(({ errors }) => errors.length === 0);
    return isManifest && documents.some(({ contents }) => isCollection(contents)) ? documents : undefined;
  } catch {
    return undefined;
  }
}

/** In the order in which an engine joins them. */
const PARTS = ['entrypoint', 'entryPoint', 'command', 'args'];

/** The command of a container or a list, if it calls the helper. */
function commandOf(value: unknown): readonly Word[] | undefined {
  if (Array.isArray(value)) return value.some((item) => isHelper(listedWord(item))) ? wordsOf(value) : undefined;
  const fields = { ...(value as object) } as Readonly<Record<string, unknown>>;
  const parts = PARTS.flatMap((key) => wordsOf(fields[key]));
  const image = typeof fields['image'] === 'string' ? [listedWord(fields['image'])].filter(isHelper) : [];
  const words = parts.some(isHelper) ? parts : [...image, ...parts];
  return callsIn(words).length > 0 ? words : undefined;
}

function wordsOf(value: unknown): readonly Word[] {
  if (typeof value === 'string') return shellCommands(value).flat();
  return Array.isArray(value) ? value.map(listedWord) : [];
}

function nameOf(value: unknown): string | undefined {
  const { name } = { name: undefined, ...(value as object) };
  return typeof name === 'string' ? name : undefined;
}
