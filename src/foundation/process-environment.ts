/** Environment variables, of this process or of a program that is checked. */
export type Environment = Readonly<Record<string, string | undefined>>;
