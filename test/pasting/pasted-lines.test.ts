import { beforeAll, describe, expect, test } from 'vitest';
import { run } from '../support/program.ts';
import { describeWith, hasTool } from '../support/tools.ts';
import { onFreePort, type RunningEmulator, Workshop } from '../support/workshop.ts';
import { callerAfter, DEVICE_SESSION, pastedLines, type PastingShell } from './pasting.ts';

// Runs the lines that commands print for pasting unchanged. Then a real SDK gets a session.

let workshop: Workshop;
let emulator: RunningEmulator;
/** Only the emulator's own lines contain this. */
let sts: Readonly<Record<string, string>>;

beforeAll(async () => {
  workshop = await Workshop.open();
  emulator = await workshop.emulator();
  sts = { AWS_ENDPOINT_URL_STS: emulator.url, AWS_REGION: 'eu-central-1' };
  return workshop.close;
});

const SHELLS: readonly PastingShell[] = ['sh', 'fish'];
const home = (): { HOME: string } => ({ HOME: workshop.directory });

describeWith('fish', hasTool('fish', '--version'), 'in sh and fish', () => {
  describe.each(SHELLS)('%s', (shell) => {
    test('demo', { timeout: 90_000 }, async () => {
      const demo = workshop.start(['demo'], { env: { SHELL: `/usr/bin/${shell}` } });
      await demo.says(/aws sts get-caller-identity/);
      const lines = pastedLines(demo.stdout);
      expect(lines.length).toBeGreaterThan(4);
      expect(await callerAfter(shell, lines, home())).toMatch(DEVICE_SESSION);
      await demo.stop();
    });

    test('serve, and emulate', async () => {
      const { program } = await workshop.daemon(onFreePort(emulator.config));
      await program.says(/role session granted/);
      const lines = [...pastedLines(program.stdout), ...pastedLines(emulator.config)];
      expect(lines).toHaveLength(2);
      expect(await callerAfter(shell, lines, home())).toMatch(DEVICE_SESSION);
    });

    test('serve with a client whose token file has a space in its name', async () => {
      const file = `${workshop.directory}/its own.token`;
      const tokens = `container:\n  listen: 127.0.0.1:0\n  tokens:\n    - { client: app, roles: [device], file: "${file}" }\n`;
      const { program } = await workshop.daemon(`${onFreePort(emulator.config)}${tokens}`);
      await program.says(/AWS_CONTAINER_CREDENTIALS_FULL_URI=/);
      await program.says(/role session granted/);
      const lines = pastedLines(program.stdout).filter((line) => line.includes('CONTAINER'));
      expect(lines).toHaveLength(1);
      expect(await callerAfter(shell, lines, { ...home(), ...sts })).toMatch(DEVICE_SESSION);
    });

    test('env', async () => {
      const { program, url } = await workshop.daemon(onFreePort(emulator.config));
      await program.says(/role session granted/);
      const written = emulator.config.replace(
        /^( {2}- roleArn: .*)$/m,
        `$1\n    imds: { listen: "${new URL(url).host}" }`,
      );
      const file = await workshop.write(`env-${shell}.yaml`, written);
      const { stdout } = await run(['env', '--config', file, '--shell', shell]);
      expect(await callerAfter(shell, pastedLines(stdout), { ...home(), ...sts })).toMatch(DEVICE_SESSION);
    });
  });
});
