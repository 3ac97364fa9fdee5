import { xmlText } from '../../foundation/xml-text.ts';
import type { S3Object } from './s3-permissions.ts';

/** The objects that the body of a DeleteObjects call names. */
export function objectsToDelete(body: string): S3Object[] {
  return [...body.matchAll(/<Object>(.*?)<\/Object>/gs)].map(([, object = '']) => ({
    key: textOf(object, 'Key') ?? '',
    versionId: textOf(object, 'VersionId'),
  }));
}

function textOf(xml: string, element: string): string | undefined {
  const [, text] = new RegExp(`<${element}>(.*?)</${element}>`, 's').exec(xml) ?? [];
  return text === undefined ? undefined : xmlText(text);
}
