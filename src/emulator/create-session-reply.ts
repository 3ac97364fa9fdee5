import { isoSeconds } from '../foundation/clock.ts';
import type { Issued } from './create-session.ts';
import { jsonReply, type WireReply } from './wire-reply.ts';

/** The documented answer: 201, lower camel case, one element in the set. */
export function createSessionReply({ assumeRole, subjectArn, session }: Issued): WireReply {
  return jsonReply(201, {
    credentialSet: [
      {
        assumedRoleUser: { arn: session.arn, assumedRoleId: session.assumedRoleId },
        credentials: {
          accessKeyId: session.accessKeyId,
          secretAccessKey: session.secretAccessKey.reveal(),
          sessionToken: session.sessionToken.reveal(),
          expiration: isoSeconds(session.expiration),
        },
        packedPolicySize: packedSize(assumeRole.tags),
        roleArn: assumeRole.roleArn,
        sourceIdentity: assumeRole.sourceIdentity,
      },
    ],
    subjectArn,
  });
}

/**
 * A percentage. The packing of STS is unpublished. This value only grows with the tags, and never
 * causes a refusal.
 */
function packedSize(tags: ReadonlyMap<string, string>): number {
  const bytes = [...tags].flat().reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  return Math.min(100, Math.ceil(bytes / 40));
}
