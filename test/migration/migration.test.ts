import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { checkForm } from '../../src/config/check-form.ts';
import { resolveConfig } from '../../src/config/resolve-config.ts';
import { helperCommands } from '../../src/migration/helper-command.ts';
import { HELPER_FLAGS } from '../../src/migration/helper-flags.ts';
import { type MigratedConfig, migratedConfigs } from '../../src/migration/migrated-config.ts';
import { migrationText } from '../../src/migration/migration-text.ts';

const ANCHOR = 'arn:aws:rolesanywhere:eu-central-1:123456789012:trust-anchor/11111111-2222-3333-4444-555555555555';
const PROFILE = 'arn:aws:rolesanywhere:eu-central-1:123456789012:profile/11111111-2222-3333-4444-555555555555';
const ROLE = 'arn:aws:iam::123456789012:role/Uploader';
const FLAGS = `--certificate /d.pem --private-key /d.key --trust-anchor-arn ${ANCHOR} --profile-arn ${PROFILE} --role-arn ${ROLE}`;

function configs(text: string, file = '/c.yaml'): readonly MigratedConfig[] {
  const { commands, remarks } = helperCommands(text);
  expect(remarks).toEqual([]);
  return migratedConfigs(commands, file);
}

function only(text: string, file?: string): MigratedConfig {
  const [config, ...others] = configs(text, file);
  expect(others).toEqual([]);
  if (!config) throw new Error('nothing was found');
  return config;
}

const remarksOf = (text: string): string[] => {
  const { commands, remarks } = helperCommands(text);
  return [...remarks, ...migratedConfigs(commands, '/c.yaml').flatMap((config) => config.remarks)].map(
    (remark) => `${remark.isLoss ? 'loss' : 'note'} ${remark.line} ${remark.text}`,
  );
};

describe('where the helper is started', () => {
  test('in ~/.aws/config', () => {
    const text = `[default]\nregion = x\n\n[profile a b]\noutput = json\ncredential_process = /opt/aws_signing_helper credential-process ${FLAGS}\n`;
    const config = only(text);
    expect(config.remarks).toEqual([]);
    expect(config.written).toEqual({
      identity: { certificate: '/d.pem', privateKey: '/d.key' },
      rolesAnywhere: { trustAnchorArn: ANCHOR, profileArn: PROFILE },
      roles: [{ name: 'a-b', roleArn: ROLE, imds: { region: 'eu-central-1' } }],
    });
    expect(migrationText(config, 'f')).toContain(
      '#   credential_process = imds-anywhere credential-process --config /c.yaml --role a-b\n' +
        '#   Faster, if a daemon serves this file with `socket: {}`:\n' +
        '#   credential_process = curl -sf --unix-socket /run/imds-anywhere/imds-anywhere.sock http://localhost/v1/credential-process/a-b\n',
    );
  });

  test('in a unit, on several lines', () => {
    const text = `[Unit]\nX=y\n[Service]\nExecStart=-/usr/bin/aws_signing_helper serve \\\n  ${FLAGS.replaceAll(' --', ' \\\n# a comment\n  --')} \\\n  --port 9912 --hop-limit 1 --region=eu-central-1 --session-duration 7200\n`;
    const config = only(text);
    expect(config.remarks).toEqual([]);
    expect(config.written['roles']).toEqual([
      {
        name: 'Uploader',
        roleArn: ROLE,
        sessionDuration: 7200,
        imds: { listen: '127.0.0.1:9912', hopLimit: 1, region: 'eu-central-1' },
      },
    ]);
    expect(migrationText(config, 'f')).toContain('=http://127.0.0.1:9912\n');
  });

  test('in a script, also within quotes', () => {
    expect(only(`exec nohup aws_signing_helper serve ${FLAGS} >/dev/null 2>&1 &\n`).remarks).toEqual([]);
    expect(only(`ExecStart=/bin/sh -c 'exec aws_signing_helper serve ${FLAGS}'\n`).remarks).toEqual([]);
  });

  test('in a credential_process that continues on indented lines, like in botocore', () => {
    const text = `[profile a]\n credential_process = aws_signing_helper credential-process\n  ${FLAGS}\n\t# no\n  --session-duration 900\n region = x\n`;
    const config = only(text);
    expect(config.remarks).toEqual([]);
    expect(config.written['roles']).toEqual([
      { name: 'a', roleArn: ROLE, sessionDuration: 900, imds: { region: 'eu-central-1' } },
    ]);
  });

  test.each([
    `cd /opt && ./aws_signing_helper serve ${FLAGS} &`,
    `if ! aws_signing_helper serve ${FLAGS}; then exit 1; fi`,
    `KEYS=$(aws_signing_helper serve ${FLAGS} | jq .)`,
    `eval "$(aws_signing_helper serve ${FLAGS} 2>/dev/null)"`,
  ])('in %s', (line) => {
    expect(only(line)).toMatchObject({ remarks: [], roles: [{ name: 'Uploader', commands: [{ does: 'serve' }] }] });
  });

  test('twice in a line', () => {
    const other = FLAGS.replace('Uploader', 'Reader');
    const config = only(`aws_signing_helper serve ${FLAGS} & aws_signing_helper serve --port 9912 ${other} &`);
    expect(config.roles.map(({ name, port }) => [name, port])).toEqual([
      ['Uploader', 9911],
      ['Reader', 9912],
    ]);
  });

  test('on Windows, where a backslash is no escape', () => {
    const program = String.raw`"C:\Program Files\AWS\aws_signing_helper.exe"`;
    const files = String.raw`--certificate C:\certs\d.pem --private-key "C:\my certs\d.key"`;
    expect(only(`credential_process = ${program} credential-process ${files}`).written['identity']).toEqual({
      certificate: String.raw`C:\certs\d.pem`,
      privateKey: String.raw`C:\my certs\d.key`,
    });
  });

  test('comments are skipped, all other mentions are reported', () => {
    expect(remarksOf('# aws_signing_helper serve\n; aws_signing_helper\nDescription=aws_signing_helper\n')).toEqual([]);
    expect(
      remarksOf(
        'Environment=X=aws_signing_helper\naws_signing_helper sign-string --x\nwhich my-aws_signing_helper-x\n',
      ),
    ).toEqual([
      'loss 1 names aws_signing_helper, but without a command; render a template first (helm template)',
      'loss 2 aws_signing_helper sign-string: not supported here',
      'loss 3 names aws_signing_helper, but without a command; render a template first (helm template)',
    ]);
  });
});

describe('several commands', () => {
  test('with one identity share a configuration, with one role for each session', () => {
    const other = FLAGS.replace('Uploader', 'Reader');
    const text = [
      `aws_signing_helper credential-process ${other}`,
      `aws_signing_helper update --once --profile x ${FLAGS}`,
      `aws_signing_helper serve ${FLAGS}`,
      `aws_signing_helper serve ${other}`,
    ].join('\n');
    const config = only(text);
    expect(config.roles.map(({ name, port, commands }) => [name, port, commands.map(({ line }) => line)])).toEqual([
      ['Uploader', 9911, [3, 2]],
      ['Reader', 9912, [4, 1]],
    ]);
    expect(config.remarks.map(({ text: remark }) => remark)).toEqual([
      '--port: 9911 belongs to another role here, so this one has 9912',
    ]);
    expect(migrationText(config, 'f')).toContain('update --config /c.yaml --role Uploader --profile x --once\n');
  });

  test('with two identities make two, which is reported', () => {
    const two = configs(
      `aws_signing_helper serve ${FLAGS}\naws_signing_helper serve ${FLAGS.replace('/d.pem', '/e.pem')}\n`,
    );
    expect(two.map(({ remarks }) => remarks.length)).toEqual([0, 1]);
  });

  test('with separate trust anchors keep them', () => {
    const text = `aws_signing_helper serve ${FLAGS}\naws_signing_helper credential-process ${FLAGS.replace('anchor/1', 'anchor/2').replace('Uploader', 'Reader')}\n`;
    expect(only(text).written).toMatchObject({
      rolesAnywhere: { profileArn: PROFILE },
      roles: [{ trustAnchorArn: ANCHOR }, { trustAnchorArn: ANCHOR.replace('/1', '/2') }],
    });
  });
});

describe('no flag is dropped silently', () => {
  /** Its own test is below. */
  const others = Object.entries(HELPER_FLAGS).filter(([name]) => name !== '--cert-selector');

  test.each(others)('%s', (name, { takesValue, here }) => {
    const values: Readonly<Record<string, string>> = {
      '--region': 'eu-central-1',
      '--session-duration': '1234',
      '--port': '9999',
      '--hop-limit': '37',
      '--endpoint': 'http://127.0.0.1:1',
    };
    const value = values[name] ?? '/marked-value';
    const anchor = name === '--region' ? `--trust-anchor-arn ${ANCHOR}` : '';
    for (const given of takesValue ? [`${name} ${value}`, `${name}=${value}`] : [name, `${name}=true`]) {
      const [config] = configs(
        `aws_signing_helper ${['--port', '--hop-limit'].includes(name) ? 'serve' : 'update'} ${given} ${anchor}`,
      );
      const reported = config?.remarks.filter(({ text }) => text.startsWith(`${name}: `)) ?? [];
      expect(reported.map(({ isLoss }) => isLoss)).toEqual(here === 'same' ? [] : [here === 'refused']);
      if (here !== 'same') expect(JSON.stringify(config)).not.toContain('marked');
      else if (takesValue) expect(migrationText(config as MigratedConfig, '')).toContain(value);
    }
  });

  test('nor a default value, a switch that is off, or an unknown flag', () => {
    expect(remarksOf(`aws_signing_helper serve ${FLAGS} --hop-limit 64 --debug=false --frob x --port`)).toEqual([
      'note 1 --hop-limit: 64 is what it is without the flag',
      'note 1 --debug=false: as without it',
      'loss 1 --frob: no flag of aws_signing_helper 1.8',
      'loss 1 a word that belongs to no flag',
      'loss 1 --port: without a value',
    ]);
  });

  test('nor a variable that may have flags', () => {
    expect(remarksOf(`aws_signing_helper serve ${FLAGS} $MORE`)).toEqual([
      'loss 1 a variable, which is not expanded here',
    ]);
  });

  test('nor a selector, on a token or elsewhere', () => {
    const selector = `--cert-selector 'Key=x509Subject,Value=CN=a,O=b Key=x509Serial,Value=0a4f'`;
    const identityOf = (flags: string): unknown => only(`aws_signing_helper update ${flags}`).written['identity'];
    const selected = { certificate: { subject: 'CN=a,O=b', serial: '0a4f' } };
    expect(identityOf(`--certificate pkcs11:token=x ${selector}`)).toEqual({
      certificate: 'pkcs11:token=x',
      pkcs11: selected,
    });
    expect(identityOf(`--private-key 'pkcs11:token=x;object=k' --pkcs11-lib /m.so ${selector}`)).toEqual({
      certificate: 'pkcs11:token=x',
      privateKey: 'pkcs11:token=x;object=k',
      pkcs11: { module: '/m.so', ...selected },
    });
    const remarks = (flags: string): string[] =>
      remarksOf(`aws_signing_helper update ${flags}`).filter((text) => text.includes('--cert-selector'));
    expect(remarks(selector)).toEqual([expect.stringContaining('loss 1 --cert-selector: certificate stores')]);
    expect(remarks('--certificate pkcs11: --cert-selector file://x.json')).toEqual([
      'loss 1 --cert-selector: the selection is in a file: write it to identity.pkcs11.certificate',
    ]);
    expect(remarks('--certificate pkcs11: --cert-selector Key=x')).toEqual([
      expect.stringContaining('loss 1 --cert-selector: an entry is not of the form'),
    ]);
  });

  test('nor something that is not a full path', () => {
    const text =
      'aws_signing_helper serve --certificate pkcs11:token=x --private-key handle:0x81010001 --intermediates chain.pem --endpoint $URL';
    expect(remarksOf(text)).toEqual([
      'loss 1 --endpoint: $URL contains a variable, which is not expanded here',
      'loss 1 --intermediates: chain.pem is now relative to the directory of the configuration; write the absolute path',
    ]);
  });

  test('nor a port that is a variable: a number replaces it, and another one the next', () => {
    const lines = [FLAGS, FLAGS.replace('Uploader', 'Reader')].map(
      (flags) => `aws_signing_helper serve ${flags} --port $PORT`,
    );
    const said = [9911, 9912].map((port) => `--port: $PORT is not a number here, so this one has ${port}`);
    expect(remarksOf(lines.join('\n'))).toEqual(
      expect.arrayContaining(said.map((text, at) => `loss ${at + 1} ${text}`)),
    );
  });

  test('nor a region other than the trust anchor’s', () => {
    expect(remarksOf(`aws_signing_helper serve ${FLAGS} --region us-east-1`)).toEqual([
      'loss 1 --region: us-east-1 is not the region of the trust anchor, where sessions come from',
    ]);
  });
});

test('the output is a configuration for any input', () => {
  const text = `aws_signing_helper serve ${FLAGS} --role-session-name 'a: b' --debug --frob "$(x)\t# y"`;
  const config = only(text);
  const printed = migrationText(config, 'a\nb: c');
  const form = checkForm(parse(printed), '/');
  expect(parse(printed)).toEqual(config.written);
  expect(form.ok ? [] : form.problems.map(({ error }) => error.message)).toEqual([
    expect.stringContaining('roleSessionName must be') as string,
  ]);
  const good = checkForm(parse(printed.replace('"a: b"', 'a-b').replace("'a: b'", 'a-b')), '/');
  expect(good.ok && resolveConfig(good.config).ok).toBe(true);
});
