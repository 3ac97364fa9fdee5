// The answer of GetProfile, as `aws rolesanywhere get-profile` prints it.
import * as v from 'valibot';
import type { Policy } from './evaluate.ts';
import { iamError } from './iam-errors.ts';
import { parsePolicyJson } from './policy-json.ts';
import { type AttributeMappings, DEFAULT_MAPPINGS } from './session-tags.ts';

const profileSchema = v.object({
  profileArn: v.optional(v.string()),
  roleArns: v.optional(v.array(v.string())),
  acceptRoleSessionName: v.optional(v.boolean()),
  enabled: v.optional(v.boolean()),
  durationSeconds: v.optional(v.number()),
  requireInstanceProperties: v.optional(v.boolean()),
  /** Their documents are not part of the answer. */
  managedPolicyArns: v.optional(v.array(v.string()), []),
  sessionPolicy: v.optional(v.string()),
  attributeMappings: v.optional(
    v.array(
      v.object({
        certificateField: v.picklist(['x509Subject', 'x509Issuer', 'x509SAN']),
        mappingRules: v.array(v.object({ specifier: v.string() })),
      }),
    ),
  ),
});

type WrittenProfile = Readonly<v.InferOutput<typeof profileSchema>>;

export interface ProfileSettings extends Omit<WrittenProfile, 'attributeMappings' | 'sessionPolicy'> {
  readonly mappings: AttributeMappings;
  /** Of the inline policy. */
  readonly sessionPolicies: readonly Policy[];
}

/** Of a profile that is not known. */
export const DEFAULT_PROFILE: ProfileSettings = {
  mappings: DEFAULT_MAPPINGS,
  sessionPolicies: [],
  managedPolicyArns: [],
};

/** @throws CodedError PROFILE_UNREADABLE */
export function profileSettings(value: unknown, file: string): ProfileSettings {
  const inner = typeof value === 'object' && value !== null && 'profile' in value ? value.profile : value;
  const result = v.safeParse(profileSchema, inner);
  if (!result.success) {
    const problems = result.issues.map((issue) => `${v.getDotPath(issue) ?? 'it'}: ${issue.message}`);
    throw iamError('PROFILE_UNREADABLE', `${file} is not the answer of GetProfile: ${problems.join('; ')}`);
  }
  const { attributeMappings, sessionPolicy, ...same } = result.output;
  return {
    ...same,
    mappings: attributeMappings ? mappingsOf(attributeMappings) : DEFAULT_MAPPINGS,
    sessionPolicies: sessionPolicy ? [inlinePolicy(sessionPolicy, file)] : [],
  };
}

/** A field without rules is not mapped. */
function mappingsOf(written: NonNullable<WrittenProfile['attributeMappings']>): AttributeMappings {
  const of = (field: keyof AttributeMappings): string[] =>
    written
      .filter(({ certificateField }) => certificateField === field)
      .flatMap(({ mappingRules }) => mappingRules.map(({ specifier }) => specifier));
  return { x509Subject: of('x509Subject'), x509Issuer: of('x509Issuer'), x509SAN: of('x509SAN') };
}

function inlinePolicy(text: string, file: string): Policy {
  const parsed = parsePolicyJson(text);
  if ('problem' in parsed) throw iamError('PROFILE_UNREADABLE', `the sessionPolicy in ${file}: ${parsed.problem}`);
  return { name: 'the session policy of the profile', ...parsed.document };
}
