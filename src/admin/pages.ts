import { type Answer, answerOf } from '../endpoints/answer.ts';
import type { Handler } from '../endpoints/listener.ts';
import type { ExchangeHistory } from './exchange-history.ts';
import { type Page, plain } from './page.ts';
import { type Readiness, readinessOf } from './readiness.ts';
import type { DaemonSnapshot } from './snapshot.ts';
import { statusOf } from './status.ts';
import { statusLine } from './status-line.ts';
import { statusPage } from './status-page.ts';

/** Maps a path to its page; undefined: there is none. */
export type Pages = (path: string) => Page | Promise<Page> | undefined;

export interface PageParts {
  readonly snapshot: () => DaemonSnapshot;
  readonly history: Pick<ExchangeHistory, 'of'>;
  readonly metrics: () => Promise<Page>;
}

/** Pages wait for nothing but memory. */
export function adminPages({ snapshot, history, metrics }: PageParts): Pages {
  return (path) => {
    switch (path) {
      case '/':
        return statusPage(statusOf(snapshot(), history));
      case '/livez':
        // Answering is enough: a restart does not help a role without a session.
        return plain(200, 'alive');
      case '/readyz':
        return readyPage(snapshot());
      case '/status':
        return { status: 200, type: 'application/json', body: json(statusOf(snapshot(), history)) };
      case '/metrics':
        return metrics();
      default:
        return undefined;
    }
  };
}

const READY: Readonly<Record<Readiness, 200 | 503>> = { ready: 200, degraded: 200, not_ready: 503 };

function readyPage(snapshot: DaemonSnapshot): Page {
  const readiness = readinessOf(snapshot);
  return plain(READY[readiness], `${readiness}: ${statusLine(snapshot)}`);
}

function json(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}

/** Maps paths to pages. Rejects with the error of a page. */
export function adminHandler(pages: Pages): Handler {
  return ({ method, target }) => {
    if (method !== 'GET' && method !== 'HEAD') return answerWith(plain(405, 'GET or HEAD only'));
    const page = pages(target.replace(/\?.*/s, '')) ?? plain(404, 'There is nothing at this path.');
    return page instanceof Promise ? page.then(answerWith) : answerWith(page);
  };
}

const SENTENCES = {
  400: 'Invalid request for this listener; see the imds-anywhere log.',
  403: 'Request refused; see the imds-anywhere log.',
  503: 'Cannot answer this request; see the imds-anywhere log.',
};

export function adminFailure(status: 400 | 403 | 503): Answer {
  return answerWith(plain(status, SENTENCES[status]));
}

function answerWith({ status, type, body, headers = [] }: Page): Answer {
  const usual = ['content-type', type, 'cache-control', 'no-store', 'x-content-type-options', 'nosniff'];
  return answerOf(status, [...usual, ...headers], body);
}
