/** The content of /metrics and its time, in seconds since the epoch. */
export interface Scrape {
  readonly at: number;
  readonly text: string;
}

const WIDTH = 840;
const LEFT = 64;
const RIGHT = 150;
const LIFE = { top: 56, height: 150 };
const CALLS = { top: 256, height: 110 };
const HEIGHT = CALLS.top + CALLS.height + 40;
const COLOURS: Readonly<Record<string, string>> = { granted: '#080', RA_UNAVAILABLE: '#b00' };

/**
 * Remaining seconds of the session, and below it the calls so far by outcome, as one SVG document.
 * @param outage - seconds.
 */
export function metricsPlot(
  scrapes: readonly Scrape[],
  outage: { readonly from: number; readonly until: number },
  grantSeconds: number,
): string {
  const x = (second: number): number => LEFT + ((WIDTH - LEFT - RIGHT) * second) / scrapes.length;
  const life = scrapes.map(({ at, text }) => {
    const expiration = valueOf(text, /^imds_anywhere_session_expiration_timestamp_seconds\{.*\} (\S+)$/m);
    return expiration === undefined ? 0 : Math.max(0, expiration - at);
  });
  const outcomes = Object.keys(COLOURS).map((outcome) => {
    const series = new RegExp(`^imds_anywhere_create_session_calls_total\\{.*outcome="${outcome}"\\} (\\S+)$`, 'm');
    return { outcome, counts: scrapes.map(({ text }) => valueOf(text, series) ?? 0) };
  });
  const most = Math.max(...outcomes.flatMap(({ counts }) => counts), 1);
  const lifeY = (seconds: number): number => LIFE.top + LIFE.height * (1 - seconds / grantSeconds);
  const callsY = (count: number): number => CALLS.top + CALLS.height * (1 - count / most);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    `<rect x="${x(outage.from)}" y="${LIFE.top}" width="${x(outage.until) - x(outage.from)}" height="${CALLS.top + CALLS.height - LIFE.top}" fill="#fee"/>`,
    words(
      LEFT,
      22,
      `Sessions of ${grantSeconds} s, and an outage of ${outage.until - outage.from} s: /metrics in each second`,
    ),
    words(LEFT, LIFE.top - 10, 'session expiration - time(), seconds'),
    ...[0, grantSeconds / 2, grantSeconds].flatMap((seconds) => grid(lifeY(seconds), String(seconds))),
    path(
      life.map((seconds, second) => [x(second), lifeY(seconds)]),
      '#06c',
    ),
    words(LEFT, CALLS.top - 10, 'create_session_calls_total'),
    ...[0, most].flatMap((count) => grid(callsY(count), String(count))),
    ...outcomes.flatMap(({ outcome, counts }) => [
      path(
        counts.map((count, second) => [x(second), callsY(count)]),
        COLOURS[outcome] ?? '',
      ),
      words(WIDTH - RIGHT + 6, callsY(counts.at(-1) ?? 0) + 4, outcome, `fill="${COLOURS[outcome] ?? ''}"`),
    ]),
    ...Array.from({ length: Math.floor(scrapes.length / 60) + 1 }, (_, minute) =>
      words(x(minute * 60), HEIGHT - 16, `${minute} min`, 'text-anchor="middle"'),
    ),
    '</svg>',
    '',
  ].join('\n');
}

function valueOf(text: string, series: RegExp): number | undefined {
  const value = series.exec(text)?.[1];
  return value === undefined ? undefined : Number(value);
}

function path(points: readonly (readonly [number, number])[], colour: string): string {
  const steps = points.map(([left, top]) => `${left.toFixed(1)} ${top.toFixed(1)}`).join('L');
  return `<path d="M${steps}" fill="none" stroke="${colour}" stroke-width="1.5"/>`;
}

function grid(y: number, label: string): string[] {
  return [
    `<path d="M${LEFT} ${y.toFixed(1)}H${WIDTH - RIGHT}" stroke="#ddd"/>`,
    words(LEFT - 8, y + 4, label, 'text-anchor="end"'),
  ];
}

function words(x: number, y: number, text: string, more = ''): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${more}>${text}</text>`;
}
