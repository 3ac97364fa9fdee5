import { Secret } from '../foundation/secret.ts';
import type { RoleSession } from '../rolesanywhere/role-session.ts';

/** A session as bytes, including its secrets. Seal them at once. */
export function sessionRecord(session: RoleSession): Buffer {
  const { secretAccessKey, sessionToken, ...rest } = session;
  return Buffer.from(
    JSON.stringify({ ...rest, secretAccessKey: secretAccessKey.reveal(), sessionToken: sessionToken.reveal() }),
  );
}

/** @returns undefined unless it is one complete session. */
export function sessionIn(record: Buffer): RoleSession | undefined {
  const value = parsed(record);
  const text = (name: string): string | undefined => (typeof value[name] === 'string' ? value[name] : undefined);
  const time = (name: string): number | undefined =>
    Number.isSafeInteger(value[name]) ? Number(value[name]) : undefined;
  const [accessKeyId, secret, token] = [text('accessKeyId'), text('secretAccessKey'), text('sessionToken')];
  const [expiration, receivedAt, assumedRoleArn] = [time('expiration'), time('receivedAt'), text('assumedRoleArn')];
  if (!accessKeyId || !secret || !token || !expiration || !receivedAt || assumedRoleArn === undefined) return undefined;
  return Object.freeze({
    accessKeyId,
    secretAccessKey: new Secret(secret),
    sessionToken: new Secret(token),
    expiration,
    receivedAt,
    assumedRoleArn,
    sourceIdentity: text('sourceIdentity'),
    subjectArn: text('subjectArn'),
    requestId: text('requestId'),
    ...firstHopIn(value['firstHop']),
  });
}

function firstHopIn(value: unknown): Pick<RoleSession, 'firstHop'> {
  if (typeof value !== 'object' || value === null) return {};
  const text = (name: string): string | undefined => {
    const field = (value as Readonly<Record<string, unknown>>)[name];
    return typeof field === 'string' ? field : undefined;
  };
  const [assumedRoleArn, accessKeyId] = [text('assumedRoleArn'), text('accessKeyId')];
  if (assumedRoleArn === undefined || accessKeyId === undefined) return {};
  return { firstHop: Object.freeze({ assumedRoleArn, accessKeyId, requestId: text('requestId') }) };
}

function parsed(record: Buffer): Readonly<Record<string, unknown>> {
  try {
    // The fields of anything else are missing.
    return { ...(JSON.parse(record.toString()) as object) };
  } catch {
    return {};
  }
}
