import { table } from '../soak/report.ts';
import { type Column, median, ratioOf, type Row } from './row.ts';

const COLUMNS: readonly (readonly [Column, string])[] = [
  ['helper', 'helper'],
  ['ours', 'imds-anywhere'],
];
/** Only those that were measured. */
const FURTHER: readonly (readonly [Column, string])[] = [
  ['other', 'other build'],
  ['node', 'bare Node'],
  ['fastify', 'bare Fastify'],
  ['nginx', 'nginx'],
];

/** The whole table, with a row for each measurement. */
export function fullTable(rows: readonly Row[]): string {
  const head = ['', 'unit', ...COLUMNS.map(([, name]) => name), 'ratio', 'half of the rounds'];
  const further = FURTHER.filter(([column]) => rows.some(({ samples }) => samples[column]?.length));
  return table(
    [...head, ...further.map(([, name]) => name)],
    rows.map((row) => [
      row.title,
      row.unit,
      ...COLUMNS.map(([column]) => figure(row, column)),
      ...ratioCells(row),
      ...further.map(([column]) => figure(row, column)),
    ]),
  );
}

/** The same in short: the usual first questions, with either result. */
export function shortTable(rows: readonly Row[], titles: readonly string[]): string {
  return table(
    ['', 'aws_signing_helper', 'imds-anywhere', 'ratio'],
    rows
      .filter(({ title }) => titles.includes(title))
      .map((row) => [`${row.title}, ${row.unit}`, ...bold(row), ratioCells(row)[0] ?? '']),
  );
}

/** Replaces the text between `<!-- NAME -->` and `<!-- end of NAME -->`. */
export function withBlock(page: string, name: string, block: string): string {
  const [begin, end] = [`<!-- ${name} -->`, `<!-- end of ${name} -->`];
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`the page has no ${begin} ... ${end}`);
  return `${page.slice(0, from + begin.length)}\n\n${block}\n\n${page.slice(to)}`;
}

function ratioCells({ samples }: Row): readonly string[] {
  const ratio = ratioOf(samples);
  if (!ratio) return ['', ''];
  return [hundredths(ratio.median), `${hundredths(ratio.from)} to ${hundredths(ratio.to)}`];
}

function figure({ samples }: Row, column: Column): string {
  const values = samples[column];
  return values && values.length > 0 ? digits(median(values)) : '';
}

function hundredths(value: number): string {
  return value < 10 ? value.toFixed(2) : value.toFixed(0);
}

function digits(value: number): string {
  return value < 10 ? value.toPrecision(2) : value.toFixed(0);
}

/** The winner of a row; none if the ratios of the rounds and the medians of the programs disagree. */
function bold(row: Row): readonly string[] {
  const [helper = NaN, ours = NaN] = COLUMNS.map(([column]) => median(row.samples[column] ?? []));
  const ratio = ratioOf(row.samples)?.median ?? NaN;
  const wins = [ratio < 1 && helper < ours, ratio > 1 && ours < helper];
  return COLUMNS.map(([column], at) => (wins[at] ? `**${figure(row, column)}**` : figure(row, column)));
}
