import { auditFile, auditStderr } from '../audit/audit-file.ts';
import { AuditLog, type AuditLogParts } from '../audit/audit-log.ts';
import { AuditWriter } from '../audit/audit-writer.ts';
import type { AuditConfig } from '../config/config.ts';
import type { Clock } from '../foundation/clock.ts';
import type { Log } from '../foundation/logger.ts';
import type { Observer } from './observer.ts';

export interface AuditParts extends Pick<AuditLogParts, 'callerOf'> {
  readonly clock: Clock;
  readonly log: Log;
}

export interface Audit extends Observer, Pick<AuditLog, 'denied'> {
  readonly writer: AuditWriter;
}

/**
 * @throws CodedError AUDIT_CANNOT_OPEN: with an audit log configured, nothing may happen without
 * one.
 */
export async function openAudit(config: AuditConfig, parts: AuditParts): Promise<Audit> {
  const sink = config.to === 'file' ? await auditFile(config.path) : auditStderr();
  const writer = new AuditWriter({ sink, ...parts });
  const { exchanged, answered, denied } = new AuditLog({
    write: (line) => {
      writer.write(line);
    },
    ...parts,
  });
  return { exchanged, answered, denied, writer };
}
