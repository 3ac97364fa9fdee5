// Roles Anywhere User Guide, "Certificate attribute mapping" and "Trust model" (source identity).
import type { Certificate } from '../identity/certificate.ts';
import type { NameAttribute } from '../identity/distinguished-name.ts';

/**
 * The parts of a certificate that become session tags: specifiers by field (`CN`, `*`, `DNS`,
 * `Name/CN`).
 */
export interface AttributeMappings {
  readonly x509Subject: readonly string[];
  readonly x509Issuer: readonly string[];
  readonly x509SAN: readonly string[];
}

/** The default of a profile: User Guide, "Default mapping behavior". */
export const DEFAULT_MAPPINGS = {
  x509Subject: ['*'],
  x509Issuer: ['*'],
  x509SAN: ['DNS', 'URI', 'Name/*'],
};

type CertificateField = keyof AttributeMappings;

export interface SessionTags {
  /** `x509Subject/CN` -> value. */
  readonly tags: ReadonlyMap<string, string>;
  /** Attributes that cannot be a tag, as listed in the service's message. */
  readonly unmapped: UnmappedAttributes;
}

export type UnmappedAttributes = Readonly<Record<CertificateField, readonly string[]>>;

/** STS: at most 50 session tags, keys of 128 and values of 256 characters. */
const MAX_TAGS = 50;
const TAG_KEY = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]{1,128}$/u;
const TAG_VALUE = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]{0,256}$/u;
const NOT_IN_TAGS = /[^\p{L}\p{Z}\p{N}_.:/=+\-@]/gu;

interface CandidateTag {
  readonly field: CertificateField;
  readonly key: string;
  readonly value: string;
  /** Its name in a refusal. */
  readonly label: string;
}

/** The session tags of a certificate under a profile's attribute mappings. */
export function sessionTagsOf(certificate: Certificate, mappings: AttributeMappings): SessionTags {
  const candidates = candidateTags(certificate, mappings);
  const fits = (candidate: CandidateTag): boolean => untaggableReason(candidate) === undefined;
  const mapped = candidates.filter(fits).slice(0, MAX_TAGS);
  const unmapped = candidates.filter((candidate) => !mapped.includes(candidate));
  const labels = (field: CertificateField): string[] =>
    unmapped.filter((candidate) => candidate.field === field).map(({ label }) => label);
  return {
    tags: new Map(mapped.map(({ key, value }) => [key, value])),
    unmapped: { x509Issuer: labels('x509Issuer'), x509Subject: labels('x509Subject'), x509SAN: labels('x509SAN') },
  };
}

function candidateTags(certificate: Certificate, mappings: AttributeMappings): CandidateTag[] {
  return [
    ...nameTags('x509Subject', '', certificate.subject, mappings.x509Subject),
    ...nameTags('x509Issuer', '', certificate.issuer, mappings.x509Issuer),
    ...alternativeNameTags(certificate, mappings.x509SAN),
  ];
}

export interface UntaggableAttribute {
  /** The name of the tag, such as `x509Subject/CN`. */
  readonly key: string;
  readonly value: string;
  /** The reason, to follow the value. */
  readonly reason: string;
}

/**
 * Mapped attributes that STS does not accept as tags. According to the User Guide they are left
 * out, but the service refused such calls.
 */
export function untaggableAttributes(certificate: Certificate, mappings: AttributeMappings): UntaggableAttribute[] {
  return candidateTags(certificate, mappings).flatMap((candidate, index) => {
    const { key, value } = candidate;
    const reason = untaggableReason(candidate) ?? (index < MAX_TAGS ? undefined : `is one more than ${MAX_TAGS} tags`);
    return reason === undefined ? [] : [{ key, value, reason }];
  });
}

/** Whether the service accepts a text as the value of a tag. */
export function isTagValue(value: string): boolean {
  return TAG_VALUE.test(value);
}

function untaggableReason({ key, value }: CandidateTag): string | undefined {
  if (TAG_KEY.test(key) && TAG_VALUE.test(value)) return undefined;
  const odd = [...new Set((key + value).match(NOT_IN_TAGS) ?? [])].map((character) => JSON.stringify(character));
  if (odd.length > 0) return `has ${odd.join(' ')}, which no session tag can have`;
  return `is longer than the ${TAG_VALUE.test(value) ? 128 : 256} characters of a session tag`;
}

/**
 * The API reference calls this attribute by name ("such as CN, OU, or UID"). The parser only knows
 * its OID.
 */
const UID_OID = '0.9.2342.19200300.100.1.1';

/** Repeated attributes become one tag, joined by `/` in the certificate's order. */
function nameTags(
  field: CertificateField,
  prefix: string,
  written: readonly NameAttribute[],
  specifiers: readonly string[],
): CandidateTag[] {
  const name = written.map(({ type, value }) => ({ type: type === UID_OID ? 'UID' : type, value }));
  const types = [...new Set(name.map(({ type }) => type))];
  return types
    .filter((type) => specifiers.some((specifier) => specifier === '*' || specifier === type))
    .map((type) => ({
      field,
      key: `${field}/${prefix}${type}`,
      value: valuesOf(name, type).join('/'),
      label: `${prefix}${type}`,
    }));
}

function valuesOf(name: readonly NameAttribute[], type: string): string[] {
  return name.filter((attribute) => attribute.type === type).map(({ value }) => value);
}

/** Only the first name of each kind counts. */
function alternativeNameTags(certificate: Certificate, specifiers: readonly string[]): CandidateTag[] {
  const names = certificate.alternativeNames;
  const textTags = (['DNS', 'URI'] as const)
    .filter((type) => specifiers.includes(type))
    .flatMap((type) =>
      names
        .flatMap((name) => (name.type === type ? [name.value] : []))
        .slice(0, 1)
        .map((value) => textTag(type, value)),
    );
  const directoryName = names.find((name) => name.type === 'directoryName');
  const nameSpecifiers = specifiers.filter((specifier) => specifier.startsWith('Name/')).map((one) => one.slice(5));
  return [...textTags, ...nameTags('x509SAN', 'Name/', directoryName?.name ?? [], nameSpecifiers)];
}

/**
 * The only observed refusal says `DNS/2` (aws/rolesanywhere-credential-helper issue 77). 2 is the
 * tag of dNSName in RFC 5280's GeneralName, so a URI is assumed to be `URI/6`.
 */
const REFUSAL_LABELS = { DNS: 'DNS/2', URI: 'URI/6' } as const;

function textTag(type: 'DNS' | 'URI', value: string): CandidateTag {
  return { field: 'x509SAN', key: `x509SAN/${type}`, value, label: REFUSAL_LABELS[type] };
}

/** The service's sentence about attributes that cannot be tags; undefined if there are none. */
export function unmappedMessage({ x509Issuer, x509Subject, x509SAN }: UnmappedAttributes): string | undefined {
  if ([x509Issuer, x509Subject, x509SAN].every((labels) => labels.length === 0)) return undefined;
  const list = (labels: readonly string[]): string => `[ ${labels.join(', ')} ]`;
  return (
    'Some attributes failed to be mapped into session tags. ' +
    `Issuer: ${list(x509Issuer)}; Subject: ${list(x509Subject)}; SAN: ${list(x509SAN)}`
  );
}

/** STS allows 64 characters. `CN=` takes three of them, so a longer name is used without it. */
export function sourceIdentityOf(certificate: Certificate): string {
  const commonName = valuesOf(certificate.subject, 'CN').at(0);
  if (commonName === undefined || commonName.length > 64) return `ID=${certificate.serialHex}`;
  return commonName.length <= 61 ? `CN=${commonName}` : commonName;
}

/** The session name if the caller may not or does not choose one. */
export function defaultSessionName(certificate: Certificate): string {
  return certificate.serialHex;
}
