import { execFileSync } from 'node:child_process';

/**
 * What OpenSSL prints about a certificate request, after it has verified its signature.
 *
 * @param args - of `openssl req`, such as `-pubkey`.
 */
export function verifiedRequest(request: string, ...args: string[]): string {
  const all = ['req', '-noout', '-verify', ...args];
  const out = execFileSync('openssl', all, { input: request, encoding: 'utf8', stdio: 'pipe' });
  // Version 3.5 prints this here, earlier ones on standard error.
  return out.replace('Certificate request self-signature verify OK\n', '');
}
