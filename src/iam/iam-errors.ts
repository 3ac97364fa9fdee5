import { errorFactory } from '../foundation/errors.ts';

export const iamErrors = {
  ATTRIBUTE_NOT_TAGGABLE:
    'Issue the certificate without it, or remove it from the attribute mappings of the profile: run `aws rolesanywhere delete-attribute-mapping`, then put-attribute-mapping for the attributes that policies need. IAM Roles Anywhere may refuse every call.',
} as const;

export const iamError = errorFactory(iamErrors);
