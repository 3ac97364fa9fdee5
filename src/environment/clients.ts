/** Third-party clients, by the names that their users know. */
export type Client =
  | 'boto3'
  | 'AWS CLI'
  | 'JavaScript v2'
  | 'JavaScript v3'
  | 'Go v1'
  | 'Go v2'
  | 'Java v2'
  | 'Rust'
  | '.NET'
  | 'C++'
  | 'CRT'
  | 'Ruby'
  | 'Kotlin'
  | 'PHP';

export const ALL_CLIENTS: readonly Client[] = [
  ...(['boto3', 'AWS CLI', 'JavaScript v2', 'JavaScript v3', 'Go v1', 'Go v2', 'Java v2'] as const),
  ...(['Rust', '.NET', 'C++', 'CRT', 'Ruby', 'Kotlin', 'PHP'] as const),
];

/** Both contain botocore. */
export const BOTOCORE: readonly Client[] = ['boto3', 'AWS CLI'];
export const GO: readonly Client[] = ['Go v1', 'Go v2'];
export const JVM: readonly Client[] = ['Java v2', 'Kotlin'];

export function allBut(...clients: readonly Client[]): readonly Client[] {
  return ALL_CLIENTS.filter((client) => !clients.includes(client));
}
