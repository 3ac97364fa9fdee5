// Describes a file that is neither supported PEM nor DER, so that the error names the mistake and
// the fix.

interface Recognised {
  readonly looksSo: (text: string, bytes: Buffer) => boolean;
  readonly what: string;
}

const starts =
  (...hex: readonly string[]) =>
  (_: string, bytes: Buffer): boolean =>
    hex.some((prefix) => bytes.subarray(0, prefix.length / 2).toString('hex') === prefix);

const FORMATS: readonly Recognised[] = [
  {
    looksSo: (_, bytes) => bytes.subarray(0, 64).includes(0) && looksUtf16(bytes),
    what: 'text in UTF-16, as PowerShell writes it: write it in UTF-8 (`iconv -f UTF-16 -t UTF-8`)',
  },
  {
    looksSo: starts('feedfeed', 'cececece'),
    what: 'a Java key store (JKS): `keytool -importkeystore -srckeystore FILE -destkeystore FILE.p12 -deststoretype PKCS12` makes it PKCS#12',
  },
  { looksSo: starts('1f8b', '504b0304', '28b52ffd', '425a68'), what: 'compressed: unpack it' },
  { looksSo: (text) => text.startsWith('PuTTY-User-Key-File'), what: 'a PuTTY key: export it in OpenSSH form' },
  { looksSo: (text) => /^(?:ssh|ecdsa-sha2)-/.test(text), what: 'an SSH public key' },
  {
    looksSo: (text) => /^\s*<(?:!doctype|html|\?xml)/i.test(text),
    what: 'a web page, perhaps the login page of a server',
  },
  {
    looksSo: (text) => /^\s*Certificate:\s+Data:/.test(text),
    what: 'the text of a certificate without the certificate: `openssl x509` without -noout prints both',
  },
  { looksSo: (text) => text.trim() === '', what: 'only white space: write it again' },
  {
    // The name of a value, and `---` in base64.
    looksSo: (text) => /[\w.-]"?: *["']?LS0t/.test(text),
    what: 'a Kubernetes secret: `kubectl get secret NAME -o go-template=\'{{index .data "tls.crt"|base64decode}}\'` prints one file of it',
  },
  {
    looksSo: (text) => text.includes('-----BEGIN%20'),
    what: 'percent-encoded, as in a URL or a header: decode it',
  },
  {
    looksSo: (text) => isBase64Of(text, (bytes) => bytes.includes('-----BEGIN ')),
    what: 'base64 of a PEM file, as Kubernetes shows secrets: `base64 -d` gives the file',
  },
  {
    looksSo: (text) => isBase64Of(text, isPkcs12Start),
    what: 'base64 of a PKCS#12 file: `base64 -d` gives the file',
  },
  {
    looksSo: (text) => isBase64Of(text, (bytes) => bytes[0] === 0x30),
    what: 'base64 without BEGIN and END lines: `base64 -d` gives the DER file',
  },
  { looksSo: (text) => /^\s*[{[]/.test(text), what: 'JSON: `jq -r .KEY FILE` extracts the PEM text' },
  { looksSo: (_, bytes) => isPkcs7(bytes), what: 'PKCS#7 in DER' },
];

/** @returns a phrase to follow "is"; undefined if nothing is recognised. */
export function recognisedFormat(content: Buffer): string | undefined {
  const text = content.toString('utf8').replace(/^\uFEFF/, '');
  return FORMATS.find(({ looksSo }) => looksSo(text, content))?.what;
}

/** A byte order mark, or every second byte of the beginning is zero. */
function looksUtf16(bytes: Buffer): boolean {
  const mark = bytes.subarray(0, 2).toString('hex');
  if (mark === 'fffe' || mark === 'feff') return true;
  const start = [...bytes.subarray(0, 64)];
  return [0, 1].some((parity) => start.every((byte, index) => index % 2 !== parity || byte === 0));
}

function isBase64Of(text: string, expected: (bytes: Buffer) => boolean): boolean {
  const joined = text.replaceAll(/\s/g, '').replaceAll(/^["']|["']$/g, '');
  return joined.length >= 16 && /^[A-Za-z0-9+/]+=*$/.test(joined) && expected(Buffer.from(joined, 'base64'));
}

/**
 * `PFX ::= SEQUENCE { version INTEGER {v3(3)}, authSafe ContentInfo, ...` (RFC 7292 4), possibly
 * with BER's indefinite length.
 */
export function isPkcs12Start(content: Buffer): boolean {
  const lengthByte = content[1] ?? 0;
  const start = lengthByte < 0x80 ? 2 : 2 + (lengthByte & 0x7f);
  const versionAndNext = Buffer.from('02010330', 'hex');
  return content[0] === 0x30 && content.subarray(start, start + 4).equals(versionAndNext);
}

/** `ContentInfo ::= SEQUENCE { contentType id-signedData, ...` (RFC 2315). */
function isPkcs7(content: Buffer): boolean {
  return content[0] === 0x30 && content.subarray(0, 20).includes(Buffer.from('06092a864886f70d0107', 'hex'));
}
