import type { ContainerVariables, DoorAddress, Environment } from './finding.ts';

/** What a program needs to be told to find a door. */
export function doorVariables({ url, region, client }: DoorAddress): Readonly<Record<string, string>> {
  if (client) return { ...client };
  return {
    AWS_EC2_METADATA_SERVICE_ENDPOINT: url,
    // No SDK should fall back to IMDSv1, which no door answers: a clear error is better than a silent try.
    AWS_EC2_METADATA_V1_DISABLED: 'true',
    // boto3 reads the second only.
    ...(region !== undefined && { AWS_REGION: region, AWS_DEFAULT_REGION: region }),
  };
}

/** What a client of the container door needs. @param url - of the door. @param tokenFile - of this client. */
export function containerVariables(url: string, role: string, tokenFile: string): ContainerVariables {
  return {
    AWS_CONTAINER_CREDENTIALS_FULL_URI: `${url}/v1/credentials/${role}`,
    AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: tokenFile,
  };
}

/** botocore sends IMDS requests through HTTP_PROXY; both spellings are read. */
export const NO_PROXY = ['NO_PROXY', 'no_proxy'] as const;
export const LOCAL = '127.0.0.1,localhost';

/** An environment once the lines that `env` prints were evaluated in it. */
export function afterEnv(environment: Environment, door: DoorAddress): Environment {
  const exempt = NO_PROXY.map((name) => [name, [environment[name], LOCAL].filter(Boolean).join(',')] as const);
  return { ...environment, ...doorVariables(door), ...Object.fromEntries(exempt) };
}
