import { describe, expect, it } from 'vitest';
import { pathFault } from '../../src/config/path-form.ts';

describe('a value in place of a path', () => {
  it.each([
    ['pkcs11:token=t;object=o?pin-value=1234', /PKCS#11/],
    ['handle:0x81000001', /only privateKey can be a handle/],
    ['0x81000001', /TPM/],
    ['tpmkey:0x81000001', /TPM/],
    ['file:///etc/device.pem', /without file:/],
    ['file:device.pem', /without file:/],
    ['https://ca.example.com/device.pem', /URL/],
    ['vault://pki/device', /URL/],
    ['arn:aws:acm:eu-central-1:111122223333:certificate/1', /ARN/],
    ['env:DEVICE_KEY', /URI of another program/],
    ['azurekms:name=device;vault=fleet', /URI of another program/],
    ['yubikey:slot-id=9a', /URI of another program/],
    ['credential:device.key', /URI of another program/],
    ['~/device.pem', /home directory/],
    ['~device/device.pem', /home directory/],
    ['~', /home directory/],
    ['${HOME}/device.pem', /variables/],
    ['/etc/${NAME:-x}/device.pem', /variables/],
    ['$CREDENTIALS_DIRECTORY/key', /variables/],
    ['$(cat path)', /variables/],
    ['%d/key', /systemd/],
    ['/etc/{{ inventory_hostname }}.pem', /template/],
    [' /etc/device.pem', /white space/],
    ['"/etc/device.pem"', /quotes/],
    ['-----BEGIN PRIVATE KEY-----', /not its content/],
  ])('%s', (value, what) => {
    expect(pathFault(value)).toMatch(what);
    expect(pathFault(value)).not.toContain('1234');
  });

  it.each([
    'device.pem',
    '/etc/a b/device.pem',
    'C:\\device.pem',
    './a~b',
    'a$b.pem',
    'keys/50%d.pem',
    'x:y.pem',
    "o'neil.pem",
  ])('a path: %s', (value) => {
    expect(pathFault(value)).toBeUndefined();
  });
});
