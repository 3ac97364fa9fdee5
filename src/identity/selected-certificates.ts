// Some of the certificates on a token: identity.pkcs11.certificate.
import type { IdentityConfig } from '../config/config.ts';
import type { FoundCertificates } from '../keys/key-request.ts';
import { type Certificate, readCertificate } from './certificate.ts';
import { type NameAttribute, readName } from './distinguished-name.ts';
import { identityError } from './identity-errors.ts';
import { nameFromText } from './name-from-text.ts';

type Selector = NonNullable<IdentityConfig['certificateSelector']>;

/**
 * The certificates that match, and what leads on from them.
 *
 * @param place - for messages.
 * @throws CERTIFICATE_NOT_SELECTED
 */
export function selectedCertificates(
  { certificates, intermediates }: FoundCertificates,
  selector: Selector,
  place: string,
): FoundCertificates {
  const found = certificates.flatMap(readable);
  const chosen = found.filter((certificate) => isSelected(certificate, selector));
  if (chosen.length === 0) throw noneOf(certificates.length, found, place);
  const others = [...found.filter((each) => !chosen.includes(each)), ...intermediates.flatMap(readable)];
  return { certificates: chosen.map(({ der }) => der), intermediates: above(chosen, others).map(({ der }) => der) };
}

function isSelected(certificate: Certificate, { subject, issuer, serial }: Selector): boolean {
  const { subjectText, issuerText } = certificate;
  return (
    (subject === undefined || isName(subject, { text: subjectText, attributes: certificate.subject })) &&
    (issuer === undefined || isName(issuer, { text: issuerText, attributes: certificate.issuer })) &&
    (serial === undefined || BigInt(`0x${serial}`) === BigInt(certificate.serial))
  );
}

interface Name {
  readonly text: string;
  readonly attributes: readonly NameAttribute[];
}

/** In any order: Go sorts the parts of a name by their type, other programs do not. */
function isName(written: string, { text, attributes }: Name): boolean {
  if (written === text) return true;
  const wanted = attributesOf(written);
  return wanted !== undefined && inOrder(wanted) === inOrder(attributes);
}

/** Undefined for a text that is no name: it is that of no certificate, not even of one without a subject. */
function attributesOf(written: string): readonly NameAttribute[] | undefined {
  try {
    return readName(nameFromText(written)).attributes;
  } catch {
    return undefined;
  }
}

function inOrder(attributes: readonly NameAttribute[]): string {
  return JSON.stringify(attributes.map(({ type, value }) => `${type}=${value}`).sort());
}

function readable(der: Uint8Array): Certificate[] {
  try {
    return [readCertificate(Buffer.from(der))];
  } catch {
    return [];
  }
}

/** The issuers of some certificates, their issuers, and so on. */
function above(level: readonly Certificate[], others: readonly Certificate[]): Certificate[] {
  const issuers = others.filter((other) => level.some((below) => below.isIssuedBy(other)));
  if (issuers.length === 0) return [];
  return [
    ...issuers,
    ...above(
      issuers,
      others.filter((other) => !issuers.includes(other)),
    ),
  ];
}

const MOST_LISTED = 8;

function noneOf(count: number, found: readonly Certificate[], place: string): Error {
  const listed = found.slice(0, MOST_LISTED).map((one) => `${one.subjectText} (serial ${one.serialHex})`);
  const more = found.length > MOST_LISTED ? '; ...' : '';
  return identityError(
    'CERTIFICATE_NOT_SELECTED',
    `${place}: none of the ${count} certificates is the one selected; there are: ${listed.join('; ')}${more}`,
  );
}
