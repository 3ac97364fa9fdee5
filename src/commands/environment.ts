/** The shells whose way to set a variable is known. */
export const SHELLS = ['sh', 'fish', 'powershell', 'dotenv'] as const;
export type Shell = (typeof SHELLS)[number];

export interface DoorAddress {
  /** Such as http://127.0.0.1:9911; nothing after the port, as some SDKs drop a path and others double a slash. */
  readonly url: string;
  readonly region: string | undefined;
}

/** Lines that point a shell's AWS SDKs at a door. */
export function environmentLines(door: DoorAddress, shell: Shell): string[] {
  const set = SET[shell];
  return [
    set('AWS_EC2_METADATA_SERVICE_ENDPOINT', door.url),
    // No SDK should fall back to IMDSv1, which no door answers: a clear error is better than a silent try.
    set('AWS_EC2_METADATA_V1_DISABLED', 'true'),
    // boto3 reads the second only.
    ...REGION_VARIABLES.flatMap((name) => (door.region === undefined ? [] : [set(name, door.region)])),
    ...NO_PROXY[shell],
  ];
}

const REGION_VARIABLES = ['AWS_REGION', 'AWS_DEFAULT_REGION'];

const SET: Readonly<Record<Shell, (name: string, value: string) => string>> = {
  sh: (name, value) => `export ${name}=${value}`,
  fish: (name, value) => `set -gx ${name} ${value}`,
  powershell: (name, value) => `$env:${name} = '${value}'`,
  dotenv: (name, value) => `${name}=${value}`,
};

const LOCAL = '127.0.0.1,localhost';

/** botocore sends IMDS requests through HTTP_PROXY; both spellings are read. What is there already is kept where a shell can. */
const NO_PROXY: Readonly<Record<Shell, readonly string[]>> = {
  sh: ['NO_PROXY', 'no_proxy'].map((name) => `export ${name}="\${${name}:+$${name},}${LOCAL}"`),
  fish: ['NO_PROXY', 'no_proxy'].map((name) => `set -gx ${name} (string join , $${name} ${LOCAL})`),
  powershell: [`$env:NO_PROXY = (@($env:NO_PROXY, '${LOCAL}') | Where-Object { $_ }) -join ','`],
  dotenv: ['NO_PROXY', 'no_proxy'].map((name) => `${name}=${LOCAL}`),
};
