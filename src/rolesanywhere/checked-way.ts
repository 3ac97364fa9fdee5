import type { RolesAnywhereConfig } from '../config/config.ts';
import type { ConfigFinding, KeyPath } from '../foundation/config-finding.ts';
import { asCodedError } from '../foundation/errors.ts';
import type { Environment } from '../foundation/process-environment.ts';
import { trustedCas } from './ca-bundle.ts';
import { proxyFor } from './proxy-settings.ts';

/**
 * Problems on the way to an endpoint that can be found before a call: the CA bundle, and variables
 * of this environment. Variables give only warnings, because the service may have other variables
 * than the user's shell.
 */
export async function checkWay(
  { caBundle }: Pick<RolesAnywhereConfig, 'caBundle'>,
  endpoint: URL,
  environment: Environment,
): Promise<readonly ConfigFinding[]> {
  const proxy = await findings('warning', ['HTTPS_PROXY'], () => proxyFor(endpoint, environment));
  if (endpoint.protocol === 'http:') return proxy;
  const cas = (): Promise<unknown> => trustedCas(caBundle, environment);
  const ofCas =
    caBundle !== undefined
      ? await findings('error', ['rolesAnywhere', 'caBundle'], cas)
      : await findings('warning', [environment['SSL_CERT_FILE'] ? 'SSL_CERT_FILE' : 'SSL_CERT_DIR'], cas);
  return [...proxy, ...ofCas];
}

async function findings(
  severity: ConfigFinding['severity'],
  path: KeyPath,
  check: () => unknown,
): Promise<readonly ConfigFinding[]> {
  try {
    await check();
    return [];
  } catch (error) {
    return [{ severity, path, error: asCodedError(error) }];
  }
}
