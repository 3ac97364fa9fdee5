import type { AdminListener } from '../admin/admin-listener.ts';
import type { DaemonSnapshot } from '../admin/snapshot.ts';
import { auditFile, auditStderr } from '../audit/audit-file.ts';
import { AuditLog, type AuditLogParts } from '../audit/audit-log.ts';
import { AuditWriter } from '../audit/audit-writer.ts';
import type { AdminConfig, AuditConfig } from '../config/config.ts';
import type { Answer, Answered } from '../endpoints/answer.ts';
import type { EndpointKind } from '../endpoints/listener.ts';
import type { EndpointRequest } from '../endpoints/request.ts';
import type { Clock } from '../foundation/clock.ts';
import type { Log } from '../foundation/logger.ts';
import type { Signature } from '../keys/observed-signer.ts';
import type { Exchange } from '../sessions/observed-exchange.ts';

/** Observers of events at both ends of the daemon. */
export interface Observer {
  readonly exchanged: (role: string, exchange: Exchange) => void;
  readonly signed?: (signature: Signature) => void;
  readonly answered: (at: { readonly role: string; readonly endpoint: string }, answer: Answered) => void;
}

/** Passes every event on to all of them. */
export interface Observers {
  readonly exchanged: Observer['exchanged'];
  readonly signed: NonNullable<Observer['signed']>;
  readonly answered: (endpoint: EndpointKind, role: string, request: EndpointRequest, answer: Answer) => void;
}

/** @param observers - read for each event. An absent observer costs nothing. */
export function allOf(observers: readonly Observer[]): Observers {
  return {
    exchanged: (role, exchange) => {
      for (const { exchanged } of observers) exchanged(role, exchange);
    },
    signed: (signature) => {
      for (const { signed } of observers) signed?.(signature);
    },
    answered: (endpoint, role, request, { status, outcome }) => {
      if (observers.length === 0) return;
      const at = { role, endpoint };
      const event = { request, status, outcome };
      for (const { answered } of observers) answered(at, event);
    },
  };
}

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

export interface AdminParts {
  readonly snapshot: () => DaemonSnapshot;
  readonly clock: Clock;
  readonly log: Log;
}

export interface Admin {
  readonly listener: AdminListener;
  /** Events for the metrics and the history of calls. */
  readonly observer: Observer;
}

/** Loads pages and metrics only with an admin listener. @throws CodedError ADMIN_CANNOT_LISTEN */
export async function openAdminFor(config: AdminConfig, { snapshot, clock, log }: AdminParts): Promise<Admin> {
  const [{ daemonMetrics }, { ExchangeHistory }, { adminPages }, { openAdmin }] = await Promise.all([
    import('../admin/metrics.ts'),
    import('../admin/exchange-history.ts'),
    import('../admin/pages.ts'),
    import('../admin/admin-listener.ts'),
  ]);
  const { page, exchanged, signed, answered } = daemonMetrics(snapshot);
  const history = new ExchangeHistory();
  const pages = adminPages({ snapshot, history, metrics: page });
  const observer: Observer = {
    signed,
    answered,
    exchanged: (role, exchange) => {
      exchanged(role, exchange);
      history.note(role, exchange, clock.now());
    },
  };
  return { observer, listener: await openAdmin(config, { pages, clock, log }) };
}
