import { printable } from '../foundation/printable.ts';

/** Markup. Only {@link html} makes it, so all text in it is escaped. */
export class Html {
  readonly markup: string;

  constructor(markup: string) {
    this.markup = markup;
  }
}

type Content = Html | string | number | readonly Content[];

/**
 * A template for markup. Text from certificates, servers and configurations can be neither markup
 * nor control characters.
 */
export function html(parts: TemplateStringsArray, ...contents: readonly Content[]): Html {
  return new Html(parts.map((part, index) => part + markupOf(contents[index] ?? '')).join(''));
}

function markupOf(content: Content): string {
  if (content instanceof Html) return content.markup;
  if (typeof content === 'object') return content.map(markupOf).join('');
  return printable(String(content)).replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
