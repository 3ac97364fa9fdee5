import { createPrivateKey } from 'node:crypto';
import { writeSync, openSync } from 'node:fs';
import { it } from 'vitest';
import { makeKeys } from '../support/pki.ts';
it('x', () => {
  const fd = openSync('/tmp/crash.log', 'w');
  for (let k = 0; k < 3; k++) {
  const der = makeKeys('P-256').privateKey.export({ format: 'der', type: 'pkcs8' });
  for (let i = 0; i < der.length; i++) for (let b = 0; b < 256; b++) {
    const m = Buffer.from(der); m[i] = b;
    let key; try { key = createPrivateKey({ key: m, format: 'der', type: 'pkcs8' }); } catch { continue; }
    writeSync(fd, `${i} ${b} ${key.asymmetricKeyType} ${m.toString('hex')}\n`);
    try { key.asymmetricKeyDetails } catch (e) { writeSync(fd, 'threw ' + String(e) + '\n') }
  } }
}, 100000);
