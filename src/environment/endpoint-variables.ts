import { plainHost } from '../foundation/address.ts';
import type { Environment } from '../foundation/process-environment.ts';
import type { ContainerVariables, EndpointAddress } from './sdk-settings.ts';

/** The variables that a program needs to find an endpoint. */
export function endpointVariables({ url, region, client }: EndpointAddress): Readonly<Record<string, string>> {
  if (client) return { ...client };
  return {
    AWS_EC2_METADATA_SERVICE_ENDPOINT: url,
    // SDKs must not fall back to IMDSv1, which the endpoints do not serve: a clear error is better.
    AWS_EC2_METADATA_V1_DISABLED: 'true',
    // object_store (Polars, delta-rs, obstore) and GDAL have their own variables. GDAL asks nothing
    // unless it thinks that it runs on EC2.
    AWS_METADATA_ENDPOINT: url,
    CPL_AWS_EC2_API_ROOT_URL: url,
    CPL_AWS_AUTODETECT_EC2: 'NO',
    // boto3 reads only the second one.
    ...(region !== undefined && { AWS_REGION: region, AWS_DEFAULT_REGION: region }),
  };
}

/**
 * The variables of a client of the container endpoint.
 *
 * @param url - of that endpoint.
 * @param tokenFile - of this client.
 */
export function containerVariables(url: string, role: string, tokenFile: string): ContainerVariables {
  return {
    AWS_CONTAINER_CREDENTIALS_FULL_URI: `${url}/v1/credentials/${role}`,
    AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: tokenFile,
  };
}

/** Some SDKs send IMDS requests through a proxy. Clients read either spelling. */
export const NO_PROXY = ['NO_PROXY', 'no_proxy'] as const;

/** What to add to NO_PROXY for an endpoint, in every form that clients compare. */
export function exemptions(url: string): string {
  const { hostname } = new URL(url);
  return [...new Set(['127.0.0.1', 'localhost', ...spellings(hostname)])].join(',');
}

/** Python compares the host as in the URL, `[::1]`; others compare the address, `::1`. */
export function spellings(hostname: string): readonly string[] {
  return hostname.startsWith('[') ? [plainHost(hostname), hostname] : [hostname];
}

/** An environment after evaluating the lines that `env` prints. */
export function afterEnv(environment: Environment, endpoint: EndpointAddress): Environment {
  const exempt = NO_PROXY.map(
    (name) => [name, [environment[name], exemptions(endpoint.url)].filter(Boolean).join(',')] as const,
  );
  return { ...environment, ...endpointVariables(endpoint), ...Object.fromEntries(exempt) };
}
