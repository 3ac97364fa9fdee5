// Roles Anywhere User Guide, "Trust policy": conditions on the trust anchor, the subject and the issuer.
import { iamError } from './iam-errors.ts';
import { ASSUME_ACTIONS } from './role-trust.ts';

/** Which certificates a proposed trust policy accepts. */
export const TRUSTED_KINDS = ['certificate', 'subject-cn', 'subject-ou', 'subject-o', 'san', 'issuer'] as const;
export type TrustedKind = (typeof TRUSTED_KINDS)[number];

/** For a policy that is printed before the trust anchor is known. It matches no trust anchor. */
export const ANCHOR_PLACEHOLDER = 'arn:aws:rolesanywhere:REGION:ACCOUNT:trust-anchor/ID';

/** The conditions of the proposed policy, and its text in words. */
export interface TrustProposal {
  readonly document: object;
  /** Who gets the role with it. */
  readonly accepts: string;
  /** Whether that may be every certificate of the trust anchor. */
  readonly isWide: boolean;
}

/**
 * A trust policy for this certificate or its kind. All its keys exist in each of the three actions, so one
 * statement is enough.
 *
 * @throws CodedError NOTHING_TO_TRUST if no tag tells them from others.
 */
export function proposedTrust(
  tags: ReadonlyMap<string, string>,
  kind: TrustedKind,
  trustAnchorArn = ANCHOR_PLACEHOLDER,
): TrustProposal {
  const usable = new Map([...tags].filter(([, value]) => value !== ''));
  const required = [...subjectKeys(usable, kind), ...issuerKeys(usable)];
  return trustIn(
    required.map((key): [string, string] => [key, usable.get(key) ?? '']),
    trustAnchorArn,
  );
}

/** A trust policy with these session tags as conditions. `*` in a value matches any text. */
export function trustIn(
  conditions: readonly (readonly [key: string, value: string])[],
  trustAnchorArn: string,
): TrustProposal {
  const isWide = !conditions.some(([key, value]) => !key.startsWith('x509Issuer/') && !isAnyText(value));
  const valuesOf = (isPattern: boolean): Record<string, string> =>
    Object.fromEntries(
      conditions
        .filter(([, value]) => value.includes('*') === isPattern)
        .map(([key, value]) => [`aws:PrincipalTag/${key}`, value]),
    );
  const [exact, patterns] = [valuesOf(false), valuesOf(true)];
  return {
    document: {
      Version: '2012-10-17',
      Statement: [
        {
          Effect: 'Allow',
          Principal: { Service: 'rolesanywhere.amazonaws.com' },
          Action: ASSUME_ACTIONS,
          Condition: {
            ArnEquals: { 'aws:SourceArn': trustAnchorArn },
            ...(Object.keys(exact).length > 0 && { StringEquals: exact }),
            ...(Object.keys(patterns).length > 0 && { StringLike: patterns }),
          },
        },
      ],
    },
    accepts: acceptedText(conditions, isWide),
    isWide,
  };
}

/** A pattern that is true for every certificate with this attribute. */
export function isAnyText(pattern: string): boolean {
  return /^\*+$/.test(pattern);
}

/** In the order of preference: the first group with a tag tells one certificate from others. */
const OF_ONE: readonly RegExp[] = [/^x509Subject\/CN$/, /^x509SAN\/URI$/, /^x509SAN\/DNS$/, /^x509Subject\//];
const OF_KIND: Readonly<Record<TrustedKind, readonly RegExp[]>> = {
  certificate: OF_ONE,
  'subject-cn': [/^x509Subject\/CN$/],
  'subject-ou': [/^x509Subject\/OU$/],
  'subject-o': [/^x509Subject\/O$/],
  san: [/^x509SAN\//],
  issuer: [/^x509Issuer\//],
};

function subjectKeys(tags: ReadonlyMap<string, string>, kind: TrustedKind): string[] {
  const groups = OF_KIND[kind].map((wanted) => [...tags.keys()].filter((key) => wanted.test(key)));
  const first = groups.find(({ length }) => length > 0);
  if (!first) {
    const known = tags.size === 0 ? 'it has no session tag at all' : `its tags are ${[...tags.keys()].join(', ')}`;
    throw iamError('NOTHING_TO_TRUST', `no session tag of this certificate fits --for ${kind}: ${known}`);
  }
  return kind === 'issuer' ? [] : first;
}

/** A name of a subject is only worth something together with the CA that gave it. */
function issuerKeys(tags: ReadonlyMap<string, string>): string[] {
  const keys = [...tags.keys()].filter((key) => key.startsWith('x509Issuer/'));
  return keys.includes('x509Issuer/CN') ? ['x509Issuer/CN'] : keys;
}

function acceptedText(conditions: readonly (readonly [string, string])[], isWide: boolean): string {
  const attributes = conditions.map(([key, value]) => `${key} ${JSON.stringify(value)}`).join(' and ');
  const wide = ' If this CA is the trust anchor, that is every certificate of the trust anchor.';
  return `Every certificate of the trust anchor with ${attributes} gets the role.${isWide ? wide : ''}`;
}
