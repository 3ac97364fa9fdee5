/** The environment variables of a process, or of a program in question. */
export type Environment = Readonly<Record<string, string | undefined>>;
