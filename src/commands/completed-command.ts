/**
 * A subcommand for a completion script. Derived from commander's own description, so it is always
 * current.
 */
export interface CompletedCommand {
  readonly name: string;
  readonly description: string;
  readonly options: readonly CompletedOption[];
  /** The values of its argument; empty: a file. Undefined: it takes no argument. */
  readonly argument: readonly string[] | undefined;
}

export interface CompletedOption {
  /** Such as `-c`, `--config`. */
  readonly flags: readonly string[];
  readonly description: string;
  readonly takesValue: boolean;
  /** Empty: a file, or unknown. */
  readonly choices: readonly string[];
}
