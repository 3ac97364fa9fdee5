/**
 * `/run/credentials/UNIT/NAME`, where systemd puts copies of credentials. A user manager uses a
 * deeper path.
 */
const COPY = /^\/run\/(?:[^/]+\/)*credentials\/(?<unit>[^/]+\.service)\/(?<name>[^/]+)$/;

/** The unit and the credential whose copy is at this path. */
export function credentialCopy(path: string): { readonly unit: string; readonly name: string } | undefined {
  const { unit, name } = COPY.exec(path)?.groups ?? {};
  return unit === undefined || name === undefined ? undefined : { unit, name };
}
