/** What a shell has to know of one subcommand, read from commander's own description of it: so it cannot go stale. */
export interface CompletedCommand {
  readonly name: string;
  readonly description: string;
  readonly options: readonly CompletedOption[];
  /** What its argument may be; none: a file. Undefined: it takes no argument. */
  readonly argument: readonly string[] | undefined;
}

export interface CompletedOption {
  /** Such as `-c`, `--config`. */
  readonly flags: readonly string[];
  readonly description: string;
  readonly takesValue: boolean;
  /** None: a file, or something that cannot be known. */
  readonly choices: readonly string[];
}
