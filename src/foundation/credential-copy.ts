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

/**
 * The packaged service that reads the configuration at this path: `imds-anywhere.service`, or an
 * instance of the template, whose user has at most 31 characters.
 */
export function unitOfConfig(file: string): string | undefined {
  const name = /^\/etc\/imds-anywhere\/(?<name>[\w-]{1,17})\.yaml$/.exec(file)?.groups?.['name'];
  if (name === undefined) return undefined;
  return name === 'config' ? 'imds-anywhere.service' : `imds-anywhere@${name}.service`;
}
