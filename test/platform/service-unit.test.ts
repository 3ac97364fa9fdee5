import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { whyUnreadable } from '../../src/platform/file-access.ts';
import { unitIn } from '../../src/platform/service-unit.ts';

test('a unit as `systemctl show` and `systemctl cat` print it', () => {
  const shown = 'User=\nDynamicUser=yes\nSupplementaryGroups=certs tss\nGroup=\nLoadState=loaded\n';
  const files = `# /usr/lib/systemd/system/x@.service
[Service]
#   LoadCredential=commented:/out
LoadCredential=old:/etc/old
# /etc/systemd/system/x@.service.d/override.conf
[Service]
LoadCredential=
LoadCredential=device.key:/etc/imds-anywhere/%i.key
LoadCredential=passphrase:/etc/imds-anywhere/pass phrase
LoadCredential=from-the-store
LoadCredentialEncrypted=state:/etc/state.cred
`;
  expect(unitIn('x@edge.service', { shown, files })).toEqual({
    name: 'x@edge.service',
    user: '',
    groups: ['certs', 'tss'],
    isDynamic: true,
    credentials: new Map([
      ['device.key', { path: '/etc/imds-anywhere/edge.key', isEncrypted: false }],
      ['passphrase', { path: '/etc/imds-anywhere/pass phrase', isEncrypted: false }],
      ['state', { path: '/etc/state.cred', isEncrypted: true }],
    ]),
  });
  expect(unitIn('x.service', { shown: shown.replace('loaded', 'not-found'), files })).toBeUndefined();
  expect(unitIn('x.service', { shown: '', files: '' })).toBeUndefined();
});

describe('what a user can read', () => {
  const [uid, gid] = [process.getuid?.() ?? 0, process.getgid?.() ?? 0];
  const OTHER_USER = { uid: undefined, gids: [] };

  test('is decided by the file and the directories above it', async () => {
    const directory = await mkdtemp(path.join(tmpdir(), 'imds-anywhere-access-'));
    onTestFinished(() => rm(directory, { recursive: true }));
    await chmod(directory, 0o755);
    const file = path.join(directory, 'inner/file');
    await mkdir(path.dirname(file));
    await writeFile(file, '');
    const set = async (inner: number, mode: number): Promise<void> => {
      await chmod(path.dirname(file), inner);
      await chmod(file, mode);
    };
    await set(0o755, 0o644);
    expect(await whyUnreadable(file, OTHER_USER)).toBeUndefined();
    await set(0o755, 0o640);
    expect(await whyUnreadable(file, OTHER_USER)).toBe(`${file} has mode 0640 and belongs to ${uid}:${gid}`);
    expect(await whyUnreadable(file, { uid: undefined, gids: [gid] })).toBeUndefined();
    await set(0o750, 0o644);
    expect(await whyUnreadable(file, OTHER_USER)).toContain('/inner has mode 0750');
    await set(0o700, 0o400);
    expect(await whyUnreadable(file, { uid: uid === 0 ? 0 : uid, gids: [] })).toBeUndefined();
    expect(await whyUnreadable(`${file}.none`, OTHER_USER)).toContain('/inner has mode 0700');
    await set(0o755, 0o644);
    expect(await whyUnreadable(`${file}.none`, OTHER_USER)).toBeUndefined();
  });
});
