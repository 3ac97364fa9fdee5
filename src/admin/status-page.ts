import { SLOTS } from './exchange-history.ts';
import { type Html, html } from './html.ts';
import type { CertificateStatus, FailureStatus, IdentityStatus } from './identity-status.ts';
import { framed, type Page } from './page.ts';
import type { CallsStatus, RoleStatus, Status } from './status.ts';
import { CONDITION_WORDS } from './status-line.ts';
import { age, lastDay, secondsBetween, validityConcern } from './status-times.ts';

type Tone = 'good' | 'warn' | 'bad';

const READINESS_TONES = { ready: 'good', degraded: 'warn', not_ready: 'bad' } as const;
const CONDITION_TONES = { fresh: 'good', renewal_failing: 'warn', starting: 'warn', no_session: 'bad' } as const;
const CONCERN_TONES = { none: 'good', warning: 'warn', critical: 'bad', expired: 'bad' } as const;

const NOTHING = html``;

/** A status for a browser. Uses the daemon's clock. */
export function statusPage(status: Status): Page {
  const { readiness, summary, version, startedAt, time, configurationFault, identity, roles } = status;
  const word = readiness.replace('_', ' ');
  const content = html`<header>
      <h1>imds-anywhere <span class="${READINESS_TONES[readiness]}">${word}</span></h1>
      <p>${summary}</p>
      <p><small>version ${version}, up ${age(startedAt, time)}, at ${time}</small></p>
      ${configurationFault ? failureBlock(configurationFault, html`New configuration rejected; keeping the current one`) : NOTHING}
    </header>
    ${identitySection(identity, time)} ${roles.map((role) => roleSection(role, time))}`;
  return framed(`${word} - imds-anywhere`, content);
}

function identitySection({ certificate, candidate, fault, signature, renewal }: IdentityStatus, time: string): Html {
  const refusal = candidate?.refusal;
  return html`<section>
    <h2>Certificate ${certificate ? NOTHING : html`<span class="bad">none yet</span>`}</h2>
    ${certificate ? certificateBlock(certificate, time) : NOTHING}
    ${signature.made ? html`<p><small>last signature in ${signature.made.milliseconds} ms at ${signature.made.at}</small></p>` : NOTHING}
    ${
      candidate
        ? html`<h2>Next certificate</h2>
            ${certificateBlock(candidate, time)}`
        : NOTHING
    }
    ${refusal ? failureBlock(refusal, html`refused; next trial ${refusal.nextTrial}`) : NOTHING}
    ${fault ? failureBlock(fault, html`The new certificate and key are not used`) : NOTHING}
    ${renewal?.failure ? failureBlock(renewal.failure, html`not renewed since ${renewal.failure.since}; next attempt ${renewal.next ?? 'unknown'}`) : NOTHING}
  </section>`;
}

function certificateBlock(certificate: CertificateStatus, time: string): Html {
  const { subject, issuer, serial, key, chain, notBefore, notAfter } = certificate;
  const intermediates = chain.map(
    (each) =>
      html`<dt>chain</dt>
        <dd>${each.subject}, ${remaining(time, each.notAfter)}</dd>`,
  );
  return html`<dl>
      <dt>subject</dt>
      <dd>${subject}</dd>
      <dt>issued by</dt>
      <dd>${issuer}</dd>
      <dt>serial</dt>
      <dd><code>${serial}</code></dd>
      <dt>key</dt>
      <dd>${key.name ?? 'in a file'}</dd>
      ${intermediates}
    </dl>
    ${lifeBar({ from: notBefore, to: notAfter, time, tone: CONCERN_TONES[validityConcern(certificate, time)] }, html`valid`)}`;
}

function roleSection(
  { name, required, condition, session, firstHop, nextCall, failure, endpoints, calls }: RoleStatus,
  time: string,
): Html {
  const tone = CONDITION_TONES[condition];
  const next = html`${failure ? 'retry' : 'renewal'} in ${age(time, nextCall)}`;
  return html`<section>
    <h2>
      ${name}
      <span class="${tone}">${CONDITION_WORDS[condition]}</span>
      ${required ? NOTHING : html`<small>not required</small>`}
    </h2>
    ${
      session
        ? lifeBar(
            { from: session.grantedAt, to: session.expiration, time, tone, mark: nextCall },
            html`session, ${next}`,
          )
        : html`<p>no session, ${next}</p>`
    }
    ${firstHop ? firstHopBlock(firstHop, time) : NOTHING} ${failure ? callFailure(failure, time) : NOTHING}
    ${timeline(calls, time)}
    ${endpoints.map(({ kind, url }) => html`<p><small>${kind}</small> <code>${url}</code></p>`)}
  </section>`;
}

/** The session of the role with which this one is assumed. */
function firstHopBlock({ roleArn, session, failure }: NonNullable<RoleStatus['firstHop']>, time: string): Html {
  return html`<p>
      assumed with <code>${roleArn}</code>, ${session ? remaining(time, session.expiration) : 'no session'}
    </p>
    ${failure ? callFailure(failure, time) : NOTHING}`;
}

function callFailure(failure: NonNullable<RoleStatus['failure']>, time: string): Html {
  const { since, attempts } = failure;
  return failureBlock(failure, html`for ${age(since, time)}, ${attempts} ${attempts === 1 ? 'call' : 'calls'}`);
}

function failureBlock({ code, error, remedy }: FailureStatus, note: Html): Html {
  return html`<div class="failure">
    <p><strong class="bad">${code}</strong> ${error}</p>
    <p>${remedy}</p>
    <p><small>${note}</small></p>
  </div>`;
}

interface Life {
  readonly from: string;
  readonly to: string;
  readonly time: string;
  readonly tone: Tone;
  /** When the next call is due. */
  readonly mark?: string;
}

/** What is left of a life as a bar, from right to left as it passes. */
function lifeBar({ from, to, time, tone, mark }: Life, caption: Html): Html {
  const at = (moment: string): number =>
    Math.min(100, Math.max(0, (100 * secondsBetween(from, moment)) / Math.max(1, secondsBetween(from, to))));
  const isAhead = mark !== undefined && secondsBetween(time, mark) > 0 && secondsBetween(mark, to) > 0;
  return html`<figure>
    <svg viewBox="0 0 100 10" height="12" preserveAspectRatio="none" aria-hidden="true">
      <rect class="mute" width="100" height="10" />
      <rect class="${tone}" x="${at(time).toFixed(1)}" width="${(100 - at(time)).toFixed(1)}" height="10" />
      ${isAhead ? html`<rect x="${at(mark).toFixed(1)}" width="0.6" height="10" fill="currentColor" />` : NOTHING}
    </svg>
    <figcaption><span>${caption}</span><span>${remaining(time, to)}</span></figcaption>
  </figure>`;
}

function remaining(time: string, until: string): Html {
  return secondsBetween(time, until) > 0
    ? html`${age(time, until)} left, until ${until}`
    : html`expired ${age(until, time)} ago`;
}

/** The calls of the last day, one field for each half hour. */
function timeline(calls: readonly CallsStatus[], time: string): Html {
  const fields = lastDay(calls, time).map((slot, index) => field(index, slot));
  return html`<figure>
    <svg
      viewBox="0 0 ${SLOTS * 10} 20"
      height="22"
      preserveAspectRatio="none"
      role="img"
      aria-label="calls of the last day"
    >
      ${fields}
    </svg>
    <figcaption><span>calls, a day ago</span><span>now</span></figcaption>
  </figure>`;
}

function field(index: number, calls: CallsStatus | undefined): Html {
  const shape = html`x="${index * 10}" width="8" height="20"`;
  if (!calls) return html`<rect class="mute" ${shape} />`;
  const { from, granted, failed, code } = calls;
  const tone: Tone = failed === 0 ? 'good' : granted === 0 ? 'bad' : 'warn';
  const failures = failed === 0 ? '' : `, ${failed} failed (${code ?? ''})`;
  return html`<rect class="${tone}" ${shape}><title>${from}: ${granted} granted${failures}</title></rect>`;
}
