import { quantile } from '../soak/report.ts';

// The measurements, and their comparison.

/** The columns of the table. */
export type Column = 'helper' | 'ours' | 'other' | 'node' | 'fastify' | 'nginx';

/** One number for each round of each program. */
export type Samples = Readonly<Partial<Record<Column, readonly number[]>>>;

export interface Row {
  readonly title: string;
  readonly unit: 'µs CPU' | 'ms CPU' | 'ms' | 'MB' | 'a minute' | 'ms CPU a minute' | 'calls';
  readonly samples: Samples;
}

/** Rows that one run produces together. */
export interface Measurement {
  /** Selects it on the command line. */
  readonly key: string;
  readonly rounds: number;
  readonly measure: (rounds: number) => Promise<readonly Row[]>;
}

export function median(values: readonly number[]): number {
  return quantile(ascending(values), 0.5);
}

export interface Ratio {
  readonly median: number;
  /** Half of the rounds lie between these two. */
  readonly from: number;
  readonly to: number;
}

/** How much more the helper needs: above 1, imds-anywhere needs less. Compared by round, so that a busy moment affects both. */
export function ratioOf({ helper = [], ours = [] }: Samples): Ratio | undefined {
  const pairs = ascending(ours.map((value, round) => (helper[round] ?? NaN) / value).filter(Number.isFinite));
  if (pairs.length === 0) return undefined;
  return { median: quantile(pairs, 0.5), from: quantile(pairs, 0.25), to: quantile(pairs, 0.75) };
}

/** Takes a sample of every program in turn, in the opposite order in every second round. */
export async function interleaved<Program extends { readonly name: string }>(
  programs: readonly Program[],
  rounds: number,
  sample: (program: Program) => Promise<number>,
): Promise<ReadonlyMap<string, readonly number[]>> {
  const samples = new Map(programs.map(({ name }) => [name, [] as number[]]));
  for (let round = 0; round < rounds; round += 1)
    for (const program of round % 2 === 0 ? programs : programs.toReversed())
      samples.get(program.name)?.push(await sample(program));
  return samples;
}

function ascending(values: readonly number[]): number[] {
  return values.toSorted((left, right) => left - right);
}

/** One row for the program as built, and one for the packaged one if that was measured. */
export function rowsOf(
  title: string,
  unit: Row['unit'],
  samples: ReadonlyMap<string, readonly number[]>,
): readonly Row[] {
  const { packaged, ...others } = Object.fromEntries(samples);
  const { helper = [] } = others;
  return [
    { title, unit, samples: others },
    ...(packaged ? [{ title: `${title}; packaged`, unit, samples: { helper, ours: packaged } }] : []),
  ];
}
