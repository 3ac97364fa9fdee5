import type { HostRecord, RunRecord, Span } from './renewal-run.ts';

const WIDTH = 840;
const LEFT = 20;
const RIGHT = 20;
const TOP = 62;
const HOST_HEIGHT = 160;
const BAR = 10;

/** Certificates and sessions of each host over time, with the outages of the CA, as one SVG document. */
export function renewalPlot({ hosts, outages, from, until }: RunRecord, title: string): string {
  const x = (at: number): number => LEFT + ((WIDTH - LEFT - RIGHT) * (clamp(at, from, until) - from)) / (until - from);
  const bottom = TOP + hosts.length * HOST_HEIGHT;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${bottom + 30}" font-family="sans-serif" font-size="12">`,
    `<rect width="${WIDTH}" height="${bottom + 30}" fill="#fff"/>`,
    words(LEFT, 22, title, 'font-size="15" font-weight="bold"'),
    ...legend(),
    ...outages.map((outage) => bar(x, outage, { y: TOP, height: bottom - TOP, fill: '#fdd' })),
    ...hosts.flatMap((host, index) => hostRows(host, TOP + index * HOST_HEIGHT, x)),
    ...minutes(from, until).map((minute) =>
      words(x(from + minute * 60_000), bottom + 18, minute === 0 ? '0 min' : String(minute), 'text-anchor="middle"'),
    ),
    '</svg>',
    '',
  ].join('\n');
}

type Place = (at: number) => number;

/** From the top: its name, when the program was run, certificates, sessions, answers. */
function hostRows({ title, attempts, certificates, sessions, readings }: HostRecord, top: number, x: Place): string[] {
  const rows = (spans: readonly Span[], count: number, y: number, fill: string): string[] =>
    spans.map((span, index) => bar(x, span, { y: y + (index % count) * (BAR + 2), height: BAR, fill }));
  return [
    words(LEFT, top + 20, title, 'font-weight="bold"'),
    ticks(
      attempts.map((at) => ({ at })),
      top + 32,
      x,
      '#c60',
    ),
    ...rows(certificates, 2, top + 50, '#36c'),
    ...rows(sessions, 3, top + 84, '#8bd'),
    ticks(readings.filter(isServed), top + 128, x, '#080'),
    ticks(
      readings.filter((reading) => !isServed(reading)),
      top + 128,
      x,
      '#c00',
    ),
  ];
}

type Reading = HostRecord['readings'][number];

function isServed({ at, expiration }: Reading): boolean {
  return expiration !== undefined && expiration > at;
}

function ticks(events: readonly { readonly at: number }[], y: number, x: Place, stroke: string): string {
  const lines = events.map(({ at }) => `M${x(at).toFixed(1)} ${y}v10`);
  return `<path d="${lines.join('')}" stroke="${stroke}" stroke-width="1.5"/>`;
}

function legend(): string[] {
  const entries = [
    ['CA down', '#e99'],
    ['program run', '#c60'],
    ['certificates', '#36c'],
    ['sessions', '#48a'],
    ['valid credentials at the endpoint, each second', '#080'],
  ] as const;
  return entries.map(([name, fill], index) => words(LEFT + index * 96, 44, name, `fill="${fill}"`));
}

function minutes(from: number, until: number): number[] {
  const length = (until - from) / 60_000;
  const apart = length > 10 ? 5 : 1;
  return Array.from({ length: Math.floor(length / apart) + 1 }, (_, index) => index * apart);
}

function bar(x: Place, { from, until }: Span, at: { y: number; height: number; fill: string }): string {
  const width = Math.max(x(until) - x(from), 0.5);
  return `<rect x="${x(from).toFixed(1)}" y="${at.y}" width="${width.toFixed(1)}" height="${at.height}" fill="${at.fill}"/>`;
}

function words(x: number, y: number, text: string, more = ''): string {
  return `<text x="${x.toFixed(1)}" y="${y}" ${more}>${text}</text>`;
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}
