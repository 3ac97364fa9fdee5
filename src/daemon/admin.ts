import { openAdmin, type AdminListener } from '../admin/admin-listener.ts';
import { adminPages } from '../admin/pages.ts';
import type { DaemonSnapshot } from '../admin/snapshot.ts';
import type { AdminConfig } from '../config/config.ts';
import type { Clock } from '../foundation/clock.ts';
import type { Log } from '../foundation/logger.ts';
import type { Observer } from './observer.ts';

export interface AdminParts {
  readonly snapshot: () => DaemonSnapshot;
  readonly clock: Clock;
  readonly log: Log;
}

export interface Admin {
  readonly listener: AdminListener;
  /** Events for the metrics. */
  readonly metrics: Observer;
}

/** Loads the metrics library only with an admin listener. @throws CodedError ADMIN_CANNOT_LISTEN */
export async function openAdminFor(config: AdminConfig, { snapshot, clock, log }: AdminParts): Promise<Admin> {
  const { daemonMetrics } = await import('../admin/metrics.ts');
  const metrics = daemonMetrics(snapshot);
  const pages = adminPages({ snapshot, metrics: metrics.page, now: () => clock.now() });
  return { metrics, listener: await openAdmin(config, { pages, clock, log }) };
}
