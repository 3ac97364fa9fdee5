// What IAM gets to see of a certificate, and what it never sees.
import type { Certificate } from '../identity/certificate.ts';
import { packedPercent } from './packed-size.ts';
import {
  type AttributeMappings,
  defaultSessionName,
  sessionTagsOf,
  sourceIdentityOf,
  type UntaggableAttribute,
  untaggableAttributes,
} from './session-tags.ts';

export interface SeenCertificate {
  readonly subject: string;
  readonly issuer: string;
  /** Session tags without those that cannot be one. */
  readonly tags: ReadonlyMap<string, string>;
  readonly untaggable: readonly UntaggableAttribute[];
  readonly sourceIdentity: string;
  /** Unless the profile accepts another one. */
  readonly sessionName: string;
  /** About the space of STS for tags and session policies that the tags take, in percent. */
  readonly packedPercent: number;
  /** Things to know about the tags, which are no errors. */
  readonly notes: readonly string[];
}

export function seenCertificate(certificate: Certificate, mappings: AttributeMappings): SeenCertificate {
  const { tags } = sessionTagsOf(certificate, mappings);
  const percent = packedPercent(tags);
  return {
    subject: certificate.subjectText,
    issuer: certificate.issuerText,
    tags,
    untaggable: untaggableAttributes(certificate, mappings),
    sourceIdentity: sourceIdentityOf(certificate),
    sessionName: defaultSessionName(certificate),
    packedPercent: percent,
    notes: [...joinedNotes(certificate, tags), ...ignoredNames(certificate), ...packedNote(percent)],
  };
}

const NEAR = 80;

function packedNote(percent: number): string[] {
  if (percent < NEAR) return [];
  const fix = 'Map fewer attributes if CreateSession reports PackedPolicyTooLarge.';
  return [`The tags take about ${percent} % of the space of STS for tags and session policies. ${fix}`];
}

/** A value with `/` from the CA looks the same as two values. */
function joinedNotes({ subject, issuer }: Certificate, tags: ReadonlyMap<string, string>): string[] {
  const fields = [
    ['x509Subject', subject],
    ['x509Issuer', issuer],
  ] as const;
  return fields.flatMap(([field, name]) =>
    [...new Set(name.map(({ type }) => type))].flatMap((type) => {
      const count = name.filter((attribute) => attribute.type === type).length;
      const key = `${field}/${type}`;
      if (count === 1 || !tags.has(key)) return [];
      const last = tags.get(key)?.split('/').at(-1) ?? '';
      return [`${key} joins ${count} values with "/". StringLike matches one of them, such as "*/${last}".`];
    }),
  );
}

/** Of names of one kind, only the first counts. Addresses never do. */
function ignoredNames({ alternativeNames }: Certificate): string[] {
  return alternativeNames.flatMap((name, index) => {
    if (name.type === 'email' || name.type === 'IP')
      return [`The alternative name ${name.type} ${name.value} is never a tag.`];
    const isFirst = alternativeNames.findIndex(({ type }) => type === name.type) === index;
    if (isFirst) return [];
    const value = name.type === 'directoryName' ? '' : ` ${name.value}`;
    return [`The alternative name ${name.type}${value} is no tag: only the first ${name.type} is.`];
  });
}
