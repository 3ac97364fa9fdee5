/** `/run/credentials/UNIT/NAME`, where systemd puts the copy of a credential; the manager of a user has them deeper. */
const COPY = /^\/run\/(?:[^/]+\/)*credentials\/(?<unit>[^/]+\.service)\/(?<name>[^/]+)$/;

/** The unit and the credential that a path is the copy of. */
export function credentialCopy(path: string): { readonly unit: string; readonly name: string } | undefined {
  const { unit, name } = COPY.exec(path)?.groups ?? {};
  return unit === undefined || name === undefined ? undefined : { unit, name };
}
