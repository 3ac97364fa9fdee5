// Who could change the target of a path, like sshd's StrictModes: every directory of the path, and
// the file, must belong to root or to this user, and no other user may write there. In a sticky
// directory, users can replace only their own files. A read-only mount is the operator's word for its source.

import type { CodedError } from '../foundation/errors.ts';
import { fileError } from './file-errors.ts';
import type { Step } from './place.ts';

export interface TrustRule {
  /**
   * `trusted`: it decides what the daemon does. `written`: the daemon writes there, and trusts
   * nothing that it finds.
   */
  readonly use: 'trusted' | 'written';
  /** User id of this process. */
  readonly self: number;
  /**
   * Another user who may own these directories, because the file is for that user. Links in them
   * are rejected.
   */
  readonly owner?: number | undefined;
  /** That user is the owner of the last directory: root works in a home directory. */
  readonly inHome?: boolean;
  /** Whether only root and this user are in a group. */
  readonly isPrivate: (gid: number) => boolean;
}

export interface Finding {
  readonly error: CodedError;
  /** Rejected. Everything else is a warning. */
  readonly isDangerous: boolean;
}

/** Pure: the problems of a path, one for each of its parts. */
export function findingsAbout(steps: readonly Step[], rule: TrustRule): readonly Finding[] {
  const findings = new Map<string, Finding>();
  const owner = rule.inHome ? steps.findLast(({ kind }) => kind === 'directory')?.uid : rule.owner;
  let parent: Step | undefined;
  for (const step of steps) {
    for (const finding of findingsAt(step, parent, { ...rule, owner })) findings.set(finding.error.message, finding);
    if (step.kind === 'directory') parent = step;
  }
  return [...findings.values()];
}

function findingsAt(step: Step, parent: Step | undefined, rule: TrustRule): readonly Finding[] {
  if (step.kind === 'link') return linkFindings(step, parent, rule);
  const found: Finding[] = [];
  const { path, uid, mode } = step;
  if (!isTrusted(uid, rule) && uid !== rule.owner)
    found.push(dangerous(fileError('FILE_OWNED_BY_OTHER', `${path} belongs to user ${uid}, who can replace it`)));
  if (isProtected(step)) return found;
  const bits = mode.toString(8).padStart(4, '0');
  if ((mode & 0o002) !== 0) {
    const error = fileError('FILE_WRITABLE_BY_OTHERS', `every user can write ${kindOf(step)} ${path} (mode ${bits})`);
    found.push({ error, isDangerous: rule.use === 'trusted' || step.kind === 'file' });
  } else if ((mode & 0o020) !== 0 && !rule.isPrivate(step.gid)) {
    const what = `group ${step.gid} can write ${kindOf(step)} ${path} (mode ${bits})`;
    found.push({ error: fileError('FILE_WRITABLE_BY_GROUP', what), isDangerous: false });
  }
  return found;
}

/** A user who could have replaced the link could lead the daemon anywhere. */
function linkFindings({ path, uid }: Step, parent: Step | undefined, rule: TrustRule): readonly Finding[] {
  const isElsewhere = parent !== undefined && !isTrusted(parent.uid, rule);
  const isOpen = parent !== undefined && (parent.mode & 0o002) !== 0 && !isProtected(parent);
  if (isTrusted(uid, rule) && !isElsewhere && !isOpen) return [];
  const whose = isTrusted(uid, rule) ? 'a link that others could replace' : `a link of user ${uid}`;
  return [dangerous(fileError('FILE_LINK_UNTRUSTED', `${path} is ${whose}`))];
}

function isTrusted(uid: number, { self }: TrustRule): boolean {
  return uid === 0 || uid === self;
}

/** Its mode does not count. Kubernetes mounts a ConfigMap from a directory that everybody can write, read-only. */
function isProtected({ kind, mode, isReadOnlyMount }: Step): boolean {
  return kind === 'directory' && ((mode & 0o1000) !== 0 || isReadOnlyMount === true);
}

function kindOf({ kind }: Step): string {
  return kind === 'directory' ? 'the directory' : 'the file';
}

function dangerous(error: CodedError): Finding {
  return { error, isDangerous: true };
}
