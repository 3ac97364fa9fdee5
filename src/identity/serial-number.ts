/** A serial number as `openssl x509 -serial` has it, in lower case: whole bytes in hexadecimal. @param serial - decimal. */
export function serialHex(serial: string): string {
  const digits = BigInt(serial).toString(16);
  return digits.padStart(digits.length + (digits.length % 2), '0');
}
