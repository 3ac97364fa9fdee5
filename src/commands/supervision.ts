import { readinessOf } from '../admin/readiness.ts';
import { statusLine } from '../admin/status-line.ts';
import type { Config } from '../config/config.ts';
import type { Daemon, Surroundings } from '../daemon/daemon.ts';

/** What a service manager is told besides that the daemon lives. */
export interface Supervision {
  reloading(): Promise<void>;
  /** The reload asked for is over, with whatever outcome. */
  reloaded(): Promise<void>;
  stopping(): Promise<void>;
}

const nobody: Supervision = {
  reloading: () => Promise.resolve(),
  reloaded: () => Promise.resolve(),
  stopping: () => Promise.resolve(),
};

/** Tells the service manager that started the daemon, if one did that wants to be told (Type=notify): else nothing is loaded or run. */
export async function supervision(daemon: Daemon, { systemd }: Config, world: Surroundings): Promise<Supervision> {
  const { clock, log, environment } = world;
  const socket = environment['NOTIFY_SOCKET'];
  if (!socket) return nobody;
  const { notifyAt } = await import('../platform/notify.ts');
  const { ServiceReport } = await import('../platform/service-report.ts');
  const { watchdogMs } = await import('../platform/watchdog.ts');
  const report = new ServiceReport({
    notify: await notifyAt(socket, log),
    watchdogMs: watchdogMs(environment),
    isReady: () => systemd?.ready !== 'sessions' || readinessOf(daemon.snapshot()) !== 'not_ready',
    status: () => statusLine(daemon.snapshot(), clock.now()),
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
