import { expect, it } from 'vitest';
import { mlDsaError, mlDsaName } from '../../src/identity/ml-dsa.ts';
import { der, sequence } from './der-writer.ts';

const keyOf = (...algorithm: readonly string[]): Buffer =>
  sequence('020100', sequence(...algorithm), der('04', der('80', '07'.repeat(32))));

// Object identifiers of RFC 9881 and RFC 5480.
it.each([
  ['id-ml-dsa-44', keyOf(der('06', '608648016503040311')), 'ML-DSA-44'],
  ['id-ml-dsa-65', keyOf(der('06', '608648016503040312')), 'ML-DSA-65'],
  ['id-ml-dsa-87', keyOf(der('06', '608648016503040313')), 'ML-DSA-87'],
  ['id-ecPublicKey', keyOf(der('06', '2a8648ce3d0201'), der('06', '2a8648ce3d030107')), undefined],
  ['no algorithm', keyOf(), undefined],
  ['nothing but a version', sequence('020100'), undefined],
  ['what is not DER', Buffer.from('key'), undefined],
])('PKCS#8 with %s', (_, pkcs8, name) => {
  expect(mlDsaName(pkcs8)).toBe(name);
});

it('a key that this Node cannot use is named with its file', () => {
  expect(mlDsaError('ML-DSA-65', 'key.pem')).toMatchObject({
    code: 'ML_DSA_NEEDS_NEWER_NODE',
    message: `key.pem holds an ML-DSA-65 key; Node ${process.versions.node} cannot sign with it`,
  });
});
