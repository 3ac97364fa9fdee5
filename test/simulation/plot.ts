import { load } from './findings.ts';
import type { Timeline } from './timeline.ts';

export interface PlotSettings {
  readonly title: string;
  readonly hosts: number;
  readonly perSecond: number;
  /** Virtual time of minute 0 of the axis, milliseconds. */
  readonly recoversFrom: number;
}

const WIDTH = 840;
const LEFT = 64;
const RIGHT = 20;
const CALLS = { top: 56, height: 200, decades: 4 };
const HOLDING = { top: 300, height: 90 };
const HEIGHT = HOLDING.top + HOLDING.height + 44;
/** Seconds that one point averages. */
const STEP = 10;

/**
 * Calls per second on a logarithmic scale, and below it the share of hosts with a session, as one
 * SVG document.
 */
export function plot(timeline: Timeline, settings: PlotSettings): string {
  const x = (second: number): number => LEFT + ((WIDTH - LEFT - RIGHT) * second) / timeline.seconds;
  const starts = Array.from({ length: Math.floor(timeline.seconds / STEP) }, (_, index) => index * STEP);
  const rates = starts.map((from) => ({ from, ...load(timeline, from, from + STEP) }));
  const held = timeline.holding();
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    text(LEFT, 22, settings.title, 'font-size="15" font-weight="bold"'),
    ...minutes(timeline, settings, x),
    ...callsAxis(),
    horizontal(callsY(settings.perSecond), '#b00', 'stroke-dasharray="4 3"'),
    text(WIDTH - RIGHT, callsY(settings.perSecond) - 4, 'quota', 'text-anchor="end" fill="#b00"'),
    line(
      rates.map(({ from, offered }) => [x(from), callsY(offered / STEP)]),
      '#c60',
    ),
    line(
      rates.map(({ from, admitted }) => [x(from), callsY(admitted / STEP)]),
      '#06c',
    ),
    text(LEFT, 44, 'calls per second:'),
    text(LEFT + 105, 44, 'offered', 'fill="#c60"'),
    text(LEFT + 160, 44, 'admitted', 'fill="#06c"'),
    text(LEFT, HOLDING.top - 8, 'hosts that hold a session'),
    ...[0, 0.5, 1].flatMap((part) => [horizontal(holdingY(part), '#ddd'), label(holdingY(part), `${part * 100} %`)]),
    line(
      starts.map((from) => [x(from), holdingY((held[from] ?? 0) / settings.hosts)]),
      '#080',
    ),
    '</svg>',
    '',
  ].join('\n');
}

function callsAxis(): string[] {
  return Array.from({ length: CALLS.decades + 1 }, (_, decade) => 10 ** (decade - 1)).flatMap((rate) => [
    horizontal(callsY(rate), '#ddd'),
    label(callsY(rate), String(rate)),
  ]);
}

/** Five minutes apart, or more if that would be too dense. */
function minutes({ seconds }: Timeline, { recoversFrom }: PlotSettings, x: (second: number) => number): string[] {
  const apart = [5, 10, 30, 60, 120].find((every) => seconds / 60 / every <= 20) ?? 240;
  const begin = recoversFrom / 60_000;
  const first = Math.ceil(-begin / apart);
  const bottom = HOLDING.top + HOLDING.height;
  return Array.from({ length: Math.floor(seconds / 60 / apart) + 1 }, (_, index) => (first + index) * apart).flatMap(
    (minute) => [
      `<path d="M${at(x((minute + begin) * 60), CALLS.top)}V${bottom}" stroke="${minute === 0 ? '#888' : '#eee'}"/>`,
      text(x((minute + begin) * 60), bottom + 18, minute === 0 ? '0 min' : String(minute), 'text-anchor="middle"'),
    ],
  );
}

/** From 0.1 per second up. Lower values are drawn at the bottom. */
function callsY(rate: number): number {
  const decades = Math.min(Math.max(Math.log10(Math.max(rate, 0.1)) + 1, 0), CALLS.decades);
  return CALLS.top + CALLS.height * (1 - decades / CALLS.decades);
}

function holdingY(part: number): number {
  return HOLDING.top + HOLDING.height * (1 - part);
}

function line(points: readonly (readonly [number, number])[], colour: string): string {
  return `<path d="M${points.map(([x, y]) => at(x, y)).join('L')}" fill="none" stroke="${colour}" stroke-width="1.5"/>`;
}

function horizontal(y: number, colour: string, more = ''): string {
  return `<path d="M${at(LEFT, y)}H${WIDTH - RIGHT}" stroke="${colour}" ${more}/>`;
}

function label(y: number, words: string): string {
  return text(LEFT - 8, y + 4, words, 'text-anchor="end"');
}

function text(x: number, y: number, words: string, more = ''): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${more}>${words}</text>`;
}

function at(x: number, y: number): string {
  return `${x.toFixed(1)} ${y.toFixed(1)}`;
}
