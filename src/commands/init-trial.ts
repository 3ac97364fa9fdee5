import path from 'node:path';
import { examineConfig } from '../config/examined-config.ts';
import { loadAccount } from '../emulator/account/account.ts';
import { buildEmulator } from '../emulator/server.ts';
import { readEachOnce } from '../files/read-file.ts';
import { isoSeconds, systemClock } from '../foundation/clock.ts';
import { userAgent } from '../foundation/version.ts';
import { configuration } from '../setup/configuration.ts';
import { emulatedArns } from '../setup/emulated-account.ts';
import type { Setup } from '../setup/setup.ts';
import { exchangeOnce } from '../standalone/exchange-once.ts';
import { listenOn } from './emulate.ts';
import type { Trial } from './init-material.ts';

/** A session of the emulator. */
export interface Grant {
  readonly assumedRoleArn: string;
  readonly sourceIdentity: string | undefined;
  readonly expiration: string;
}

/**
 * One CreateSession at an emulator with the written account, with the written configuration except for ARNs and
 * paths. Rejects with the code of the refusal.
 */
export async function granted(directory: string, setup: Setup, trial: Trial): Promise<Grant> {
  const arns = emulatedArns(setup);
  const emulator = buildEmulator({
    account: await loadAccount(path.join(directory, 'emulator')),
    clock: systemClock,
    log: () => undefined,
  });
  const endpoint = await listenOn(emulator, { host: '127.0.0.1', port: 0 });
  try {
    const { trustAnchorArn, profileArn } = arns;
    const written = {
      ...configuration(setup, arns),
      identity: {
        certificate: trial.certificate,
        ...(trial.privateKey !== undefined && { privateKey: trial.privateKey }),
        ...(trial.passphrase && { passphrase: trial.passphrase }),
      },
      rolesAnywhere: { endpoint, trustAnchorArn, profileArn },
    };
    const { config, problems } = examineConfig(written, setup.authority.kind === 'new' ? directory : process.cwd());
    const role = config?.roles[0];
    if (!config || !role) throw problems[0]?.error ?? new Error('the configuration has no role');
    const { assumedRoleArn, sourceIdentity, expiration } = await exchangeOnce(
      { identity: config.identity, rolesAnywhere: config.rolesAnywhere, role },
      { clock: systemClock, environment: process.env, userAgent, read: readEachOnce() },
    );
    return { assumedRoleArn, sourceIdentity, expiration: isoSeconds(expiration) };
  } finally {
    emulator.close();
  }
}
