// A plugin of Stryker. A change of words in a message is not counted: the tests hold codes, and the words of an error
// may change at any time.

interface BabelNode {
  readonly type: string;
  readonly value?: unknown;
  readonly quasis?: readonly { readonly value: { readonly raw: string } }[];
}

/** Two words. Names, keys and codes have none. */
const WORDS = /[A-Za-z]{2,}[,:;]? [a-z]{2,}/;

function shouldIgnore({ node }: { readonly node: BabelNode }): string | undefined {
  const texts = [node.type === 'StringLiteral' ? String(node.value) : '', ...(node.quasis ?? []).map(rawOf)];
  return texts.some((text) => WORDS.test(text)) ? 'a message' : undefined;
}

function rawOf({ value }: { readonly value: { readonly raw: string } }): string {
  return value.raw;
}

export const strykerPlugins = [{ kind: 'Ignore', name: 'messages', value: { shouldIgnore } }];
