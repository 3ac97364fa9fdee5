import { readinessOf } from '../admin/readiness.ts';
import { statusLine } from '../admin/status-line.ts';
import type { Config } from '../config/config.ts';
import type { Daemon, Surroundings } from './daemon.ts';

/** Notifications to a service manager about reload and stop. */
export interface Supervision {
  reloading(): Promise<void>;
  /** The requested reload is done, with any outcome. */
  reloaded(): Promise<void>;
  stopping(): Promise<void>;
}

const unsupervised: Supervision = {
  reloading: () => Promise.resolve(),
  reloaded: () => Promise.resolve(),
  stopping: () => Promise.resolve(),
};

/**
 * Notifies the service manager if it asked for that (Type=notify). Otherwise loads and runs
 * nothing.
 */
export async function supervision(daemon: Daemon, { systemd }: Config, world: Surroundings): Promise<Supervision> {
  const { clock, log, environment } = world;
  const socket = environment['NOTIFY_SOCKET'];
  if (!socket) return unsupervised;
  const { notifyAt } = await import('../platform/notify.ts');
  const { ServiceReport, watchdogMs } = await import('../platform/service-report.ts');
  const report = new ServiceReport({
    notify: await notifyAt(socket, log),
    watchdogMs: watchdogMs(environment),
    isReady: () => systemd?.ready !== 'sessions' || readinessOf(daemon.snapshot()) !== 'not_ready',
    status: () => statusLine(daemon.snapshot()),
    clock,
    log,
  });
  const stopping = new AbortController();
  void report.run(stopping.signal);
  return {
    reloading: () => report.reloading(),
    reloaded: () => report.reloaded(),
    stopping: async () => {
      stopping.abort();
      await report.stopping();
    },
  };
}
