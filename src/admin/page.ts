import { createHash } from 'node:crypto';
import { Html, html } from './html.ts';

/** The content of an admin path. */
export interface Page {
  readonly status: 200 | 400 | 403 | 404 | 405 | 503;
  readonly type: string;
  readonly body: string;
  /** Further headers; names and values alternate. */
  readonly headers?: readonly string[];
}

export function plain(status: Page['status'], text: string): Page {
  return { status, type: 'text/plain; charset=utf-8', body: `${text}\n` };
}

// What a page for a browser has around it: style, script, and the policy that allows nothing else.

const STYLE = `
:root { color-scheme: light dark; --text: #1b1f24; --dim: #5c6670; --back: #f6f7f9; --card: #fff; --line: #dde1e6;
  --good: #1a7f37; --warn: #9a6700; --bad: #c5221f; --mute: #e4e7eb; }
@media (prefers-color-scheme: dark) { :root { --text: #e6e9ec; --dim: #98a2ad; --back: #14171a; --card: #1d2125;
  --line: #343a41; --good: #4ac26b; --warn: #d4a72c; --bad: #ff7b72; --mute: #30363d; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--text); font: 16px/1.45 system-ui, sans-serif;
  overflow-wrap: anywhere; }
main { max-width: 60rem; margin: 0 auto; padding: 1rem; }
header, section { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: .75rem 1rem;
  margin-bottom: 1rem; }
h1, h2 { font-size: 1.1rem; margin: 0 0 .5rem; display: flex; flex-wrap: wrap; gap: .25rem .75rem; }
p { margin: .25rem 0; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; margin: 0; }
dt, small, figcaption { color: var(--dim); }
dd { margin: 0; }
code { font: .9em ui-monospace, monospace; }
svg { display: block; width: 100%; }
figure { margin: .5rem 0 0; }
figcaption { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 0 1rem; font-size: .85rem; }
.good { color: var(--good); fill: var(--good); }
.warn { color: var(--warn); fill: var(--warn); }
.bad { color: var(--bad); fill: var(--bad); }
.mute { fill: var(--mute); }
.failure { border-left: 3px solid var(--bad); padding-left: .75rem; margin-top: .5rem; }
.lost { display: none; color: var(--bad); text-align: center; margin: 0; padding: .5rem; }
body.alone .lost { display: block; }
@media (max-width: 34rem) { dl { grid-template-columns: 1fr; } dt { margin-top: .3rem; } }
`;

/** Only replaces the content, so that scrolling, selection and an outage of the daemon do no harm. */
const SCRIPT = `
setInterval(async () => {
  try {
    const answer = await fetch(location.pathname, { cache: 'no-store' });
    if (!answer.ok) throw new Error(answer.statusText);
    const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html');
    document.title = fresh.title;
    document.querySelector('main').replaceWith(fresh.querySelector('main'));
    document.body.className = '';
  } catch {
    document.body.className = 'alone';
  }
}, 5000);
`;

/** https://www.w3.org/TR/CSP3/. Nothing is loaded from anywhere, and no other page can contain it. */
const POLICY = [
  "default-src 'none'",
  `style-src '${hashOf(STYLE)}'`,
  `script-src '${hashOf(SCRIPT)}'`,
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

function hashOf(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`;
}

export function framed(title: string, content: Html): Page {
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title}</title>
        ${new Html(`<style>${STYLE}</style>`)}
      </head>
      <body>
        <p class="lost" role="alert">The daemon does not answer. This is its last known state.</p>
        <main>${content}</main>
        ${new Html(`<script>${SCRIPT}</script>`)}
      </body>
    </html> `;
  return {
    status: 200,
    type: 'text/html; charset=utf-8',
    body: page.markup,
    headers: ['content-security-policy', POLICY, 'referrer-policy', 'no-referrer'],
  };
}
