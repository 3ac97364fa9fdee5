// "TSS2 PRIVATE KEY": a key encrypted by a TPM for itself, the format of tpm2-openssl,
// openssl_tpm2_engine, tpm2_encodeobject and others (draft-bottomley-tpm2-keys).
import {
  der,
  type DerElement,
  derElements,
  derUnsigned,
  oidContent,
  oidText,
  readDer,
  tags,
} from '../../foundation/der.ts';
import { handles } from './constants.ts';
import type { EncryptedObject } from './tpm.ts';
import { WireReader } from './wire.ts';

const TSS2_LABEL = 'TSS2 PRIVATE KEY';

export interface PolicyStep {
  /** Code of the policy command. */
  readonly command: number;
  /** Its parameters, without the session. */
  readonly parameters: Buffer;
}

export interface Tss2Key extends EncryptedObject {
  readonly type: 'loadable' | 'importable' | 'sealed' | 'unknown';
  readonly policy: readonly PolicyStep[];
  /** A hierarchy, whose storage root key is the parent, or the handle of the parent. */
  readonly parent: number;
  readonly rootKeyType: 'ecc' | 'rsa';
}

const TYPES: Readonly<Record<string, Tss2Key['type']>> = {
  '2.23.133.10.1.3': 'loadable',
  '2.23.133.10.1.4': 'importable',
  '2.23.133.10.1.5': 'sealed',
};

/**
 * Context-specific and explicit. Ignores whether there is a password (emptyAuth), because
 * tpm2_encodeobject 5.4 writes the opposite.
 */
const fieldTags = { emptyPassword: 0xa0, policy: 0xa1, rsaParent: 0xa5 } as const;

/** @throws RangeError if it is not such a key. */
export function readTss2Key(encoded: Buffer): Tss2Key {
  const outer = readDer(encoded);
  if (outer.tag !== tags.sequence) throw new RangeError('it is no sequence');
  const [type, ...rest] = [...derElements(outer.content)];
  const optional = new Map(rest.filter(({ tag }) => tag >= 0xa0).map(({ tag, content }) => [tag, content]));
  const [parent, publicArea, privateArea] = rest.filter(({ tag }) => tag < 0xa0);
  if (type?.tag !== tags.oid || parent?.tag !== tags.integer) throw new RangeError('its type or its parent is missing');
  return {
    type: TYPES[oidText(type.content)] ?? 'unknown',
    policy: policySteps(optional.get(fieldTags.policy)),
    parent: handleIn(parent.content),
    rootKeyType: isTrue(optional.get(fieldTags.rsaParent)) ? 'rsa' : 'ecc',
    publicArea: wholeArea(publicArea),
    privateArea: wholeArea(privateArea),
  };
}

/** DER requires 0xff, but tpm2-openssl writes 1. */
function isTrue(field: Buffer | undefined): boolean {
  return field !== undefined && readDer(field).content.some((byte) => byte !== 0);
}

/** Some write a handle as a negative number of four bytes. */
function handleIn(integer: Buffer): number {
  const extra = integer.subarray(0, Math.max(0, integer.length - 4));
  if (integer.length === 0 || extra.some((byte) => byte !== 0)) throw new RangeError('one of its numbers is no handle');
  return integer.readUIntBE(extra.length, integer.length - extra.length);
}

function policySteps(field: Buffer | undefined): PolicyStep[] {
  if (!field) return [];
  return [...derElements(readDer(field).content)].map(({ content }) => policyStep([...derElements(content)]));
}

/** TPMPolicy: both explicit, [0] CommandCode INTEGER and [1] CommandPolicy OCTET STRING. */
function policyStep([code, parameters]: readonly DerElement[]): PolicyStep {
  if (code?.tag !== 0xa0 || parameters?.tag !== 0xa1) throw new RangeError('a step of its policy is malformed');
  return { command: handleIn(readDer(code.content).content), parameters: readDer(parameters.content).content };
}

/** @returns the structure with its size, which must match. */
function wholeArea(element: DerElement | undefined): Buffer {
  if (element?.tag !== tags.octetString) throw new RangeError('a half of the key is missing');
  const wire = new WireReader(element.content);
  if (wire.sized().length === 0 || wire.rest.length > 0) throw new RangeError('a half of the key is cut off');
  return element.content;
}

/** @returns DER. */
export function tss2Key(
  type: 'loadable' | 'sealed',
  { publicArea, privateArea }: EncryptedObject,
  hasEmptyPassword: boolean,
): Buffer {
  const oid = type === 'loadable' ? '2.23.133.10.1.3' : '2.23.133.10.1.5';
  return der(
    tags.sequence,
    der(tags.oid, oidContent(oid)),
    // Always written: without it, tpm2-openssl asks for no password.
    der(fieldTags.emptyPassword, der(BOOLEAN, Buffer.of(hasEmptyPassword ? 0xff : 0))),
    derUnsigned(Buffer.from(handles.owner.toString(16), 'hex')),
    der(tags.octetString, publicArea),
    der(tags.octetString, privateArea),
  );
}

const BOOLEAN = 0x01;

/** Only the public half. */
export function publicAreaIn({ publicArea }: EncryptedObject): Buffer {
  return new WireReader(publicArea).sized();
}

/** In PEM, as in files. */
export function keyFileText(encoded: Buffer): string {
  const lines = encoded.toString('base64').match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${TSS2_LABEL}-----`, ...lines, `-----END ${TSS2_LABEL}-----`, ''].join('\n');
}
