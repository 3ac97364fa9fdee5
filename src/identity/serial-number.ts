/**
 * A serial number as in `openssl x509 -serial`, in lower case: whole bytes in hexadecimal.
 *
 * @param serial - decimal.
 */
export function serialHex(serial: string): string {
  const number = BigInt(serial);
  const digits = (number < 0n ? -number : number).toString(16);
  return (number < 0n ? '-' : '') + digits.padStart(digits.length + (digits.length % 2), '0');
}
