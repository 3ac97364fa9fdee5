// The query protocol of STS and IAM: a form in the body.
import { encodeRfc3986 } from '../rolesanywhere/sigv4.ts';

export const FORM = 'application/x-www-form-urlencoded; charset=utf-8';

/** Leaves out what is undefined. */
export function formText(fields: readonly (readonly [name: string, value: string | undefined])[]): string {
  return fields
    .flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${encodeRfc3986(value).replaceAll('%20', '+')}`]))
    .join('&');
}
