import { answerOf, type Answer } from '../endpoints/answer.ts';
import type { Handler } from '../endpoints/listener.ts';
import { plain, type Page, type Pages } from './pages.ts';

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

function answerWith({ status, type, body }: Page): Answer {
  const headers = ['content-type', type, 'cache-control', 'no-store', 'x-content-type-options', 'nosniff'];
  return answerOf(status, headers, body);
}
