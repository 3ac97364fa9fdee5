import { der, derUnsigned, oidContent, tags } from '../../../src/foundation/der.ts';

export interface KeyFileFields {
  readonly oid?: string;
  readonly emptyAuth?: number;
  readonly policy?: readonly { readonly command: number; readonly parameters: Buffer }[];
  readonly description?: string;
  readonly rsaParent?: boolean;
  readonly parent?: number;
}

const explicit = (number: number, content: Buffer): Buffer => der(0xa0 + number, content);

/** A TSS2 key file (DER) with fields that no tool of Debian writes. @param publicArea - as tpm2_create writes it. */
export function keyFile(publicArea: Buffer, privateArea: Buffer, fields: KeyFileFields = {}): Buffer {
  const { oid = '2.23.133.10.1.3', emptyAuth, policy, description, rsaParent, parent = 0x4000_0001 } = fields;
  const step = ({ command, parameters }: { command: number; parameters: Buffer }): Buffer =>
    der(tags.sequence, explicit(0, integer(command)), explicit(1, der(tags.octetString, parameters)));
  return der(
    tags.sequence,
    der(tags.oid, oidContent(oid)),
    ...(emptyAuth === undefined ? [] : [explicit(0, der(0x01, Buffer.of(emptyAuth)))]),
    ...(policy ? [explicit(1, der(tags.sequence, ...policy.map(step)))] : []),
    ...(description === undefined ? [] : [explicit(4, der(0x0c, Buffer.from(description)))]),
    ...(rsaParent === undefined ? [] : [explicit(5, der(0x01, Buffer.of(rsaParent ? 0xff : 0)))]),
    integer(parent),
    der(tags.octetString, publicArea),
    der(tags.octetString, privateArea),
  );
}

function integer(value: number): Buffer {
  return derUnsigned(Buffer.from(value.toString(16).padStart(8, '0'), 'hex'));
}
