import { errorFactory } from '../foundation/errors.ts';

export const iamErrors = {
  ATTRIBUTE_NOT_TAGGABLE:
    'Have the certificate issued without it, or take it out of the attribute mappings of the profile (`aws rolesanywhere delete-attribute-mapping`, then put-attribute-mapping for what policies need): IAM Roles Anywhere may refuse every call.',
} as const;

export const iamError = errorFactory(iamErrors);
