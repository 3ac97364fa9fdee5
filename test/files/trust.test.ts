import { describe, expect, it } from 'vitest';
import type { Step } from '../../src/files/place.ts';
import { type Finding, findingsAbout, type TrustRule } from '../../src/files/trust.ts';

const SELF = 1_000;
const OTHER = 1_001;
const PRIVATE = 1_000;
const SHARED = 50;

const rule: TrustRule = { use: 'trusted', self: SELF, isPrivate: (gid) => gid === 0 || gid === PRIVATE };
const root: Step = { path: '/', kind: 'directory', uid: 0, gid: 0, mode: 0o755 };
const step = (kind: Step['kind'], mode: number, uid = 0, gid = 0): Step => ({ path: `/${kind}`, kind, uid, gid, mode });

function codes(steps: readonly Step[], changes: Partial<TrustRule> = {}): string[] {
  return findingsAbout([root, ...steps], { ...rule, ...changes }).map(
    ({ error, isDangerous }) => `${isDangerous ? 'refused' : 'warning'} ${error.code}`,
  );
}

const textOf = ({ error }: Finding): string => error.message;

describe('users who can change the file of a path', () => {
  it.each<[string, readonly Step[]]>([
    ['root', [step('directory', 0o755), step('file', 0o644)]],
    ['this user', [step('directory', 0o700, SELF), step('file', 0o600, SELF)]],
    ['members of a group of one', [step('directory', 0o775, SELF, PRIVATE), step('file', 0o664, SELF, PRIVATE)]],
    [
      'owners in a sticky directory, as /tmp and the volumes of Kubernetes',
      [step('directory', 0o1777), step('file', 0o644)],
    ],
    [
      'no user on a read-only mount, as that of a ConfigMap',
      [
        { ...step('directory', 0o2777), isReadOnlyMount: true },
        step('link', 0o777),
        step('link', 0o777),
        step('file', 0o644),
      ],
    ],
    ['root, in a group that may only read', [step('directory', 0o755, 0, SHARED), step('file', 0o644, 0, SHARED)]],
    ['root by a link to a link', [step('directory', 0o755), step('link', 0o777), step('link', 0o777)]],
    ['this user by a link in a sticky directory', [step('directory', 0o1777), step('link', 0o777, SELF)]],
  ])('reports nothing if only %s can change it', (_, steps) => {
    expect(codes(steps)).toEqual([]);
  });

  it.each<[string, readonly Step[], string]>([
    ['a directory of another user', [step('directory', 0o755, OTHER)], 'refused FILE_OWNED_BY_OTHER'],
    ['a file of another user', [step('file', 0o644, OTHER)], 'refused FILE_OWNED_BY_OTHER'],
    ['a directory that everybody can write', [step('directory', 0o777)], 'refused FILE_WRITABLE_BY_OTHERS'],
    ['a file that everybody can write', [step('file', 0o666)], 'refused FILE_WRITABLE_BY_OTHERS'],
    ['a sticky directory of another user', [step('directory', 0o1777, OTHER)], 'refused FILE_OWNED_BY_OTHER'],
    ['a file that everybody can write, sticky', [step('file', 0o1666)], 'refused FILE_WRITABLE_BY_OTHERS'],
    ['a directory that a group can write', [step('directory', 0o775, 0, SHARED)], 'warning FILE_WRITABLE_BY_GROUP'],
    ['a file that a group can write', [step('file', 0o664, 0, SHARED)], 'warning FILE_WRITABLE_BY_GROUP'],
    [
      'a read-only directory of another user',
      [{ ...step('directory', 0o777, OTHER), isReadOnlyMount: true }],
      'refused FILE_OWNED_BY_OTHER',
    ],
    [
      'a link of another user on a read-only mount',
      [{ ...step('directory', 0o777), isReadOnlyMount: true }, step('link', 0o777, OTHER)],
      'refused FILE_LINK_UNTRUSTED',
    ],
    ['a link of another user', [step('directory', 0o1777), step('link', 0o777, OTHER)], 'refused FILE_LINK_UNTRUSTED'],
  ])('%s', (_, steps, finding) => {
    expect(codes(steps)).toEqual([finding]);
  });

  it('a written file may be in a world-writable directory, but no link there is followed', () => {
    const open = step('directory', 0o777);
    expect(codes([open], { use: 'written' })).toEqual(['warning FILE_WRITABLE_BY_OTHERS']);
    expect(codes([open, step('link', 0o777)], { use: 'written' })).toContain('refused FILE_LINK_UNTRUSTED');
    expect(codes([step('file', 0o666)], { use: 'written' })).toEqual(['refused FILE_WRITABLE_BY_OTHERS']);
  });

  it('a file for a user may be in a directory of that user, but no link there is followed', () => {
    const theirs = step('directory', 0o755, OTHER);
    expect(codes([theirs], { owner: OTHER })).toEqual([]);
    expect(codes([theirs], { owner: OTHER + 1 })).toEqual(['refused FILE_OWNED_BY_OTHER']);
    expect(codes([theirs, step('link', 0o777, OTHER)], { owner: OTHER })).toEqual(['refused FILE_LINK_UNTRUSTED']);
    expect(codes([theirs, step('link', 0o777, 0)], { owner: OTHER })).toEqual(['refused FILE_LINK_UNTRUSTED']);
  });

  it('a home belongs to its user from the first directory to the last', () => {
    const theirs = step('directory', 0o755, OTHER);
    expect(codes([theirs], { inHome: true })).toEqual([]);
    const thirds = { ...step('directory', 0o755, OTHER + 1), path: '/inner' };
    expect(codes([theirs, thirds], { inHome: true })).toEqual(['refused FILE_OWNED_BY_OTHER']);
  });

  it('names each path once, with its problem', () => {
    const open = step('directory', 0o777);
    const [finding, ...others] = findingsAbout([root, open, root, open], rule);
    expect(others).toEqual([]);
    expect(finding?.error.message).toBe('every user can write the directory /directory (mode 0777)');
  });

  it.each<[string, readonly Step[]]>([
    ['/file belongs to user 1001, who can replace it', [step('file', 0o644, OTHER)]],
    ['group 50 can write the directory /directory (mode 0775)', [step('directory', 0o775, 0, SHARED)]],
    ['every user can write the file /file (mode 0666)', [step('file', 0o666)]],
    ['/link is a link of user 1001', [step('link', 0o777, OTHER)]],
    ['/link is a link that others could replace', [step('directory', 0o777), step('link', 0o777)]],
  ])('reports: %s', (message, steps) => {
    expect(findingsAbout([root, ...steps], rule).map(textOf)).toContain(message);
  });

  it('takes the home from the last directory, not from the file', () => {
    const steps = [root, step('directory', 0o755, OTHER), step('file', 0o644, OTHER + 1)];
    expect(findingsAbout(steps, { ...rule, inHome: true }).map(textOf)).toEqual([
      '/file belongs to user 1002, who can replace it',
    ]);
  });

  it('checks a path without a directory', () => {
    expect(findingsAbout([step('link', 0o777)], { ...rule, inHome: true })).toEqual([]);
  });
});
