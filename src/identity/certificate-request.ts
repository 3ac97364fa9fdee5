// A certification request (PKCS#10, RFC 2986) for a key in any place. Anything that can sign with
// the key signs the request.
import type { KeyObject } from 'node:crypto';
import { isIPv4, isIPv6 } from 'node:net';
import { der, derElements, derUnsigned, oidContent, readDer, tags } from '../foundation/der.ts';
import type { SigningAlgorithm } from '../keys/signing-key.ts';
import { identityError } from './identity-errors.ts';
import { pemOf } from './pem.ts';

export interface RequestContent {
  /** DER of a Name. */
  readonly subject: Buffer;
  /**
   * `dns:`, `ip:`, `uri:` or `email:` and the name, or only the name. Or DER of GeneralNames, as a
   * certificate has them.
   */
  readonly alternativeNames: readonly string[] | Buffer;
  readonly publicKey: KeyObject;
  readonly algorithm: SigningAlgorithm;
}

const BOOLEAN = 0x01;

/**
 * DER of the request. It requests what IAM Roles Anywhere needs: keyUsage with digitalSignature.
 *
 * @param sign - signs with the private half of the content's public key.
 * @throws SAN_MALFORMED, or errors of `sign`.
 */
export async function certificateRequest(
  content: RequestContent,
  sign: (message: Buffer) => Promise<Buffer>,
): Promise<Buffer> {
  const publicKeyInfo = content.publicKey.export({ format: 'der', type: 'spki' });
  const signed = der(
    tags.sequence,
    derUnsigned(Buffer.of(0)),
    content.subject,
    publicKeyInfo,
    der(0xa0, extensionRequest(requestedExtensions(content))),
  );
  const signature = await sign(signed);
  const noUnusedBits = Buffer.of(0);
  return der(
    tags.sequence,
    signed,
    signatureAlgorithm(content.algorithm, publicKeyInfo),
    der(tags.bitString, noUnusedBits, signature),
  );
}

export function requestPem(request: Buffer): string {
  return pemOf('CERTIFICATE REQUEST', request);
}

function signatureAlgorithm(algorithm: SigningAlgorithm, publicKeyInfo: Buffer): Buffer {
  switch (algorithm) {
    case 'AWS4-X509-RSA-SHA256':
      return der(tags.sequence, oid('1.2.840.113549.1.1.11'), der(0x05));
    case 'AWS4-X509-ECDSA-SHA256':
      return der(tags.sequence, oid('1.2.840.10045.4.3.2'));
    case 'AWS4-X509-MLDSA': {
      // RFC 9881 section 2: the same identifier for key and signature.
      const [identifier] = derElements(readDer(publicKeyInfo).content);
      return der(tags.sequence, identifier?.content ?? Buffer.alloc(0));
    }
  }
}

/** RFC 2985 section 5.4.2 */
function extensionRequest(extensions: readonly Buffer[]): Buffer {
  return der(tags.sequence, oid('1.2.840.113549.1.9.14'), der(tags.set, der(tags.sequence, ...extensions)));
}

function requestedExtensions({ alternativeNames }: RequestContent): Buffer[] {
  const digitalSignature = der(tags.bitString, Buffer.of(7, 0x80));
  const keyUsage = extension('2.5.29.15', true, digitalSignature);
  if (alternativeNames.length === 0) return [keyUsage];
  const names = Buffer.isBuffer(alternativeNames)
    ? alternativeNames
    : der(tags.sequence, ...alternativeNames.map(generalName));
  return [keyUsage, extension('2.5.29.17', false, names)];
}

function extension(id: string, critical: boolean, value: Buffer): Buffer {
  const parts = [oid(id), ...(critical ? [der(BOOLEAN, Buffer.of(0xff))] : []), der(tags.octetString, value)];
  return der(tags.sequence, ...parts);
}

function oid(text: string): Buffer {
  return der(tags.oid, oidContent(text));
}

/** Tags of GeneralName (RFC 5280 section 4.2.1.6), all implicit. */
const EMAIL = 0x81;
const DNS = 0x82;
const URI = 0x86;
const IP = 0x87;

function generalName(written: string): Buffer {
  const { kind, name = '' } = /^(?:(?<kind>dns|ip|uri|email):)?(?<name>.*)/is.exec(written)?.groups ?? {};
  switch (kind?.toLowerCase() ?? kindOf(name)) {
    case 'ip':
      return der(IP, addressBytes(name));
    case 'uri':
      return text(URI, name, /^[a-z][a-z0-9+.-]*:[\x21-\x7e]+$/i, 'a URI, such as spiffe://example.com/device');
    case 'email':
      return text(EMAIL, name, /^[\x21-\x3f\x41-\x7e]+@[\w.-]+$/, 'an email address');
    default:
      return text(
        DNS,
        name,
        /^(?:\*\.)?[\w-]{1,63}(?:\.[\w-]{1,63})*$/,
        'a host name, such as device-0001.example.com',
      );
  }
}

/** In the usual spelling. `urn:` and others without two slashes need their prefix. */
function kindOf(name: string): string {
  if (isIPv4(name) || isIPv6(name)) return 'ip';
  if (name.includes('://')) return 'uri';
  return name.includes('@') ? 'email' : 'dns';
}

function text(tag: number, name: string, form: RegExp, wanted: string): Buffer {
  if (!form.test(name)) throw malformed(name, wanted);
  return der(tag, Buffer.from(name));
}

function addressBytes(address: string): Buffer {
  if (isIPv4(address)) return Buffer.from(address.split('.').map(Number));
  if (!isIPv6(address) || address.includes('%')) throw malformed(address, 'an IP address');
  // A URL normalises it, without an embedded IPv4 address.
  const [before = '', after] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::');
  const [left, right] = [groups(before), groups(after ?? '')];
  const zeros = Array<number>(8 - left.length - right.length).fill(0);
  return Buffer.from([...left, ...zeros, ...right].flatMap((group) => [group >> 8, group & 0xff]));
}

function groups(part: string): number[] {
  return part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16));
}

function malformed(name: string, wanted: string): Error {
  return identityError('SAN_MALFORMED', `the alternative name "${name}" is not ${wanted}`);
}
