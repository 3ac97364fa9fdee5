import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { loadConfig } from '../../src/config/load-config.ts';
import { configOf, objectsOf, templated } from '../kubernetes/manifests.ts';
import { PROGRAM } from '../support/program.ts';
import { describeWith, hasTool } from '../support/tools.ts';
import { Workshop } from '../support/workshop.ts';
import { ARNS, initialised, sh } from './setup-folder.ts';

// What `init` writes for each place, by the tools of that place.

const NEW = ['--ca', 'new', '--region', 'eu-central-1', '--runs-on'] as const;

describeWith('systemd-analyze', hasTool('systemd-analyze', '--version'), 'systemd', () => {
  test('accepts the drop-in of the application', async () => {
    const { directory } = await initialised(...NEW, 'systemd');
    const units = path.join(directory, 'units');
    mkdirSync(path.join(units, 'application.service.d'), { recursive: true });
    const unit = '[Service]\nExecStart=/bin/true\n';
    await writeFile(path.join(units, 'application.service'), unit);
    await writeFile(path.join(units, 'imds-anywhere.service'), unit);
    const dropIn = path.join(units, 'application.service.d/imds-anywhere.conf');
    await copyFile(path.join(directory, 'application.conf'), dropIn);
    const verify = (): string =>
      spawnSync('systemd-analyze', ['verify', '--man=no', path.join(units, 'application.service')], {
        encoding: 'utf8',
      }).stderr;
    expect(verify()).toBe('');
    await writeFile(dropIn, (await readFile(dropIn, 'utf8')).replace('Wants=', 'Wonts='));
    expect(verify()).toContain('Wonts');
  });
});

const kubernetes = hasTool('helm', 'version') && hasTool('sh', '-c', 'strict-manifests </dev/null');
describeWith('helm or strict-manifests', kubernetes, 'Kubernetes', () => {
  test('the chart accepts the values with the ARNs, and the daemon their configuration', async () => {
    const { directory } = await initialised(...NEW, 'kubernetes');
    const values = path.join(directory, 'values.yaml');
    const render = (): string => templated('devices', ['--values', values]);
    expect(render).toThrow('which is not an ARN');
    sh(directory, `sh set-arns.sh ${ARNS.join(' ')}`);
    const rendered = render();
    const { status, stdout } = spawnSync('strict-manifests', { input: rendered, encoding: 'utf8' });
    expect(stdout).toContain('Deployment application: fields known, pod security restricted');
    expect(status).toBe(0);
    await writeFile(path.join(directory, 'config.yaml'), configOf(objectsOf(rendered)));
    const { roles, identity } = await loadConfig(path.join(directory, 'config.yaml'));
    expect(roles).toMatchObject([{ roleArn: ARNS[2] }]);
    expect(identity.certificate).toBe('/identity/tls.crt');
    // The trust policy asks for the name that cert-manager is told to issue.
    expect(objectsOf(rendered)['Certificate']).toMatchObject({ spec: { commonName: 'devices' } });
    expect(await readFile(path.join(directory, 'trust-policy.json'), 'utf8')).toContain('"devices"');
  });

  test('the throwaway CA becomes an issuer of cert-manager', async () => {
    const { read } = await initialised(...NEW, 'kubernetes');
    const issuer = await read('issuer.yaml');
    const { status, stdout } = spawnSync('strict-manifests', { input: issuer, encoding: 'utf8' });
    expect([status, stdout]).toEqual([0, expect.stringContaining('ClusterIssuer imds-anywhere-ca: fields known')]);
    const [, secret] = /create secret tls (\S+)/.exec(await read('NEXT-STEPS.md')) ?? [];
    expect(parse(issuer)).toMatchObject({ spec: { ca: { secretName: secret } } });
  });
});

test('container: Compose mounts what the configuration names', async () => {
  const { read } = await initialised(...NEW, 'container');
  const { services } = parse(await read('compose.yaml')) as {
    readonly services: Readonly<
      Record<string, { readonly volumes: readonly string[]; readonly network_mode?: string }>
    >;
  };
  const { identity } = parse(await read('config.yaml')) as { readonly identity: Readonly<Record<string, string>> };
  const mounted = services['imds-anywhere']?.volumes.map((volume) => volume.split(':')[1]);
  for (const file of [identity['certificate'], identity['privateKey'], '/etc/imds-anywhere/config.yaml'])
    expect(mounted).toContain(file);
  expect(services['application']?.network_mode).toBe('service:imds-anywhere');
});

test('CI: with-role.sh runs a command with a session, and leaves no file behind', async () => {
  const { directory, read } = await initialised(...NEW, 'ci');
  const workshop = await Workshop.open();
  try {
    const emulator = workshop.start(['emulate', '--dir', path.join(directory, 'emulator'), '--listen', '127.0.0.1:0']);
    const [, endpoint = ''] = await emulator.says(/endpoint: (http:\S+)/);
    const arns = [...(await read('emulator/account.yaml')).matchAll(/arn:\S+(?:trust-anchor|profile|role)\/\S+/g)];
    sh(directory, `sh set-arns.sh ${[...new Set(arns.map(([arn]) => arn))].join(' ')}`);
    const config = await read('config.yaml');
    const withEndpoint = config.replace('rolesAnywhere:\n', `rolesAnywhere:\n  endpoint: ${endpoint}\n`);
    await writeFile(path.join(directory, 'config.yaml'), withEndpoint);
    mkdirSync(path.join(directory, 'bin'));
    mkdirSync(path.join(directory, 'temporary'));
    const program = `#!/bin/sh\nexec '${process.execPath}' '${PROGRAM}' "$@"\n`;
    await writeFile(path.join(directory, 'bin/imds-anywhere'), program, { mode: 0o755 });
    const env = {
      PATH: `${path.join(directory, 'bin')}:${process.env['PATH'] ?? ''}`,
      TMPDIR: path.join(directory, 'temporary'),
      DEVICE_CERTIFICATE: await read('device.pem'),
      DEVICE_KEY: await read('device.key'),
    };
    const printed = sh(directory, 'sh with-role.sh sh -c \'env | grep -E "^(AWS_CONTAINER|DEVICE)"\'', env);
    expect(printed).toContain('AWS_CONTAINER_CREDENTIALS_FULL_URI=http://127.0.0.1:');
    expect(printed).not.toContain('DEVICE');
    expect(() => sh(directory, "sh with-role.sh sh -c 'exit 7'", env)).toThrow(
      expect.objectContaining({ status: 7 }) as Error,
    );
    expect(execFileSync('ls', [env.TMPDIR], { encoding: 'utf8' })).toBe('');
  } finally {
    await workshop.close();
  }
});
