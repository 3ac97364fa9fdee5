import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { whyUnappendable, whyUnreadable, whyUnwritable } from '../../src/platform/file-access.ts';
import { unitIn } from '../../src/platform/service-unit.ts';

test('a unit as `systemctl show` and `systemctl cat` print it', () => {
  const shown =
    'User=\nDynamicUser=yes\nSupplementaryGroups=certs tss\nGroup=\nLoadState=loaded\nStateDirectory=x-edge y\nRuntimeDirectory=x:link\n';
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
    directories: ['/var/lib/x-edge', '/var/lib/y', '/run/x'],
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

describe('what a user can write', () => {
  const gid = process.getgid?.() ?? 0;
  const OTHER_USER = { uid: undefined, gids: [] };
  const MEMBER = { uid: undefined, gids: [gid] };
  const MAKES = { makes: true };

  test('is decided by the directory, or by the nearest one if the daemon makes it', async () => {
    const directory = await mkdtemp(path.join(tmpdir(), 'imds-anywhere-access-'));
    onTestFinished(() => rm(directory, { recursive: true }));
    const absent = path.join(directory, 'absent');
    await chmod(directory, 0o755);
    expect(await whyUnwritable(directory, OTHER_USER)).toContain('has mode 0755');
    expect(await whyUnwritable(path.join(absent, 'deep'), OTHER_USER, MAKES)).toContain(`${directory} has mode 0755`);
    expect(await whyUnwritable(absent, OTHER_USER)).toBeUndefined();
    expect(await whyUnwritable(directory, { uid: 0, gids: [] })).toBeUndefined();
    await chmod(directory, 0o770);
    expect(await whyUnwritable(directory, MEMBER)).toBeUndefined();
    expect(await whyUnwritable(absent, MEMBER, MAKES)).toBeUndefined();
    expect(await whyUnwritable(directory, MEMBER, { owns: true })).toContain('belongs to');
    await chmod(directory, 0o760);
    expect(await whyUnwritable(directory, MEMBER)).toContain('has mode 0760');
  });

  test('is decided by a file that is there, and by its directory otherwise', async () => {
    const directory = await mkdtemp(path.join(tmpdir(), 'imds-anywhere-access-'));
    onTestFinished(() => rm(directory, { recursive: true }));
    const file = path.join(directory, 'log');
    await chmod(directory, 0o755);
    expect(await whyUnappendable(file, OTHER_USER)).toContain(`${directory} has mode 0755`);
    await writeFile(file, '');
    await chmod(file, 0o620);
    expect(await whyUnappendable(file, MEMBER)).toBeUndefined();
    expect(await whyUnappendable(file, OTHER_USER)).toContain('/log has mode 0620');
  });
});
