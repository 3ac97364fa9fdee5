import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { describeWith, hasTool } from '../support/tools.ts';

const UNITS = path.resolve(import.meta.dirname, '../../systemd');
const read = (file: string): string => readFileSync(path.join(UNITS, file), 'utf8');

/**
 * A higher exposure needs a reason. The rest is mostly the open way to AWS and Node's JIT compiler.
 */
const MOST_EXPOSED = '1.1';

describeWith('systemd-analyze', hasTool('systemd-analyze', '--version'), 'systemd accepts', () => {
  let directory: string;

  beforeAll(() => {
    directory = mkdtempSync(path.join(tmpdir(), 'imds-anywhere-units-'));
    for (const unit of readdirSync(UNITS).filter((name) => name.includes('.')))
      // It checks that the program exists.
      writeFileSync(path.join(directory, unit), read(unit).replace('/usr/bin/imds-anywhere', '/bin/true'));
    return () => {
      rmSync(directory, { recursive: true });
    };
  });

  const analyze = (...args: string[]): string =>
    execFileSync('systemd-analyze', ['--no-pager', ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

  test.each(['imds-anywhere.service', 'imds-anywhere.socket', 'imds-anywhere@example.service'])('%s', (unit) => {
    const file = path.join(directory, unit);
    if (unit.includes('@')) cpSync(path.join(directory, 'imds-anywhere@.service'), file);
    expect(() => analyze('verify', '--man=no', file)).not.toThrow();
  });

  test.each(['imds-anywhere.service', 'imds-anywhere@.service'])(`%s, exposed at most ${MOST_EXPOSED}`, (unit) => {
    const table = analyze('security', '--offline=true', path.join(directory, unit));
    const [, exposure = '10'] = /Overall exposure level for \S+: ([\d.]+)/.exec(table) ?? [];
    expect(Number(exposure)).toBeLessThanOrEqual(Number(MOST_EXPOSED));
  });

  test('the drop-ins', () => {
    for (const [dropIn, unit] of [
      ['imds-address.conf', 'imds-anywhere.socket'],
      ['peer-users.conf', 'imds-anywhere.service'],
      ['no-inspector.conf', 'imds-anywhere.service'],
      ['no-jit.conf', 'imds-anywhere.service'],
      ['tpm.conf', 'imds-anywhere.service'],
      ['pcscd.conf', 'imds-anywhere.service'],
    ] as const)
      cpSync(path.join(UNITS, 'drop-ins', dropIn), path.join(directory, `${unit}.d`, dropIn));
    expect(readdirSync(path.join(UNITS, 'drop-ins'))).toHaveLength(6);
    expect(() => analyze('verify', '--man=no', path.join(directory, 'imds-anywhere.socket'))).not.toThrow();
  });
});

test('the template differs from the service only by its instance and its user', () => {
  const settings = (unit: string): string[] =>
    read(unit)
      .split('\n')
      .filter((line) => /^[[A-Z]/.test(line) && line !== 'User=imds-anywhere-%i');
  const asTemplate = settings('imds-anywhere.service').map((line) =>
    line
      .replace(/^(Description=.*)$/, '$1 (%i)')
      .replace(/(Directory)=imds-anywhere$/, '$1=imds-anywhere-%i')
      .replace('/etc/imds-anywhere/config.yaml', '/etc/imds-anywhere/%i.yaml')
      .replace('/etc/imds-anywhere/device.key', '/etc/imds-anywhere/%i.key'),
  );
  expect(settings('imds-anywhere@.service')).toEqual(asTemplate);
});
