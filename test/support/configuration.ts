import type { Config, RoleConfig } from '../../src/config/config.ts';
import { configFromFlags } from '../../src/config/from-flags.ts';

// Configurations with the defaults of the schema, for tests that need only a few keys.

const UUID = '11111111-2222-3333-4444-555555555555';

const MINIMAL = configFromFlags(
  {
    certificate: '/tls.crt',
    trustAnchorArn: `arn:aws:rolesanywhere:eu-central-1:123456789012:trust-anchor/${UUID}`,
    profileArn: `arn:aws:rolesanywhere:eu-central-1:123456789012:profile/${UUID}`,
    roleArn: 'arn:aws:iam::123456789012:role/Device',
  },
  '/',
);

/** One role, served at 127.0.0.1:9911. */
export function configOf(changes: Partial<Config> = {}): Config {
  return { ...MINIMAL, ...changes };
}

export function roleOf(name: string, changes: Partial<RoleConfig> = {}): RoleConfig {
  const [role] = MINIMAL.roles;
  if (!role) throw new Error('the minimal configuration has no role');
  return { ...role, name, roleArn: `arn:aws:iam::123456789012:role/${name}`, ...changes };
}
