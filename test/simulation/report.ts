import { type Findings, type Load, load } from './findings.ts';
import type { Timeline } from './timeline.ts';

/** The findings and a table over time, as text. */
export function report(timeline: Timeline, findings: Findings, recoversFrom: number): string {
  return [...summary(findings), '', ...table(timeline, recoversFrom / 1000), ''].join('\n');
}

function summary({ floor, holding, renewed, recovery, afterwards, peak, lapses, longestGap }: Findings): string[] {
  return [
    `one call for each host takes at least     ${seconds(floor)}`,
    `half, 90 %, all hosts hold a session at   ${seconds(holding.half)}, ${seconds(holding.most)}, ${seconds(holding.all)}`,
    `hosts with a new session                  ${renewed.hosts}, the last at ${seconds(renewed.last)}; ${renewed.calls.toFixed(2)} calls each`,
    `calls in the busiest second               ${peak}`,
    `from minute 2 until the least time        ${loadText(recovery)}`,
    `in the last half of the run               ${loadText(afterwards)}`,
    `sessions that lapsed                      ${lapses}${lapses > 0 ? `, the longest for ${seconds(longestGap)}` : ''}`,
  ];
}

/** A row for each of the first minutes, then for every five. */
function table(timeline: Timeline, begin: number): string[] {
  const held = timeline.holding();
  const rows = ['minute   offered/s  admitted/s  throttled   holding'];
  for (let from = 0; from < timeline.seconds;) {
    const minute = (from - begin) / 60;
    const to = from + (minute >= 0 && minute < 20 ? 60 : 300);
    const { offered, admitted } = load(timeline, from, to);
    const cells = [
      minute.toFixed(0).padStart(6),
      (offered / (to - from)).toFixed(1).padStart(12),
      (admitted / (to - from)).toFixed(1).padStart(12),
      share(offered - admitted, offered).padStart(11),
      String(held[Math.min(to, timeline.seconds) - 1]).padStart(10),
    ];
    rows.push(cells.join(''));
    from = to;
  }
  return rows;
}

function loadText({ offered, admitted }: Load): string {
  const ratio = admitted === 0 ? '-' : (offered / admitted).toFixed(2);
  return `${offered} offered, ${admitted} admitted, ratio ${ratio}, ${share(offered - admitted, offered)} throttled`;
}

function seconds(value: number | undefined): string {
  return value === undefined ? 'never' : `${value.toFixed(0)} s`;
}

function share(part: number, whole: number): string {
  return whole === 0 ? '-' : `${((100 * part) / whole).toFixed(1)} %`;
}
