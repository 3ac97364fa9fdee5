import type { CodedError } from '../foundation/errors.ts';
import type { Certificate } from '../identity/certificate.ts';
import { iamError } from './iam-errors.ts';
import { DEFAULT_MAPPINGS, untaggableAttributes } from './session-tags.ts';

/**
 * Attributes of this certificate that can make every session fail, if the profile has the default
 * mappings.
 */
export function tagWarnings(certificate: Certificate): CodedError[] {
  return untaggableAttributes(certificate, DEFAULT_MAPPINGS).map(({ key, value, reason }) =>
    iamError('ATTRIBUTE_NOT_TAGGABLE', `the attribute ${key} of the certificate, "${value.slice(0, 100)}", ${reason}`),
  );
}
