import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { helperCommands } from '../../src/migration/helper-command.ts';
import { migratedConfigs } from '../../src/migration/migrated-config.ts';
import { migrationText } from '../../src/migration/migration-text.ts';
import { unitCommands } from '../../src/migration/package-unit.ts';

const ANCHOR = 'arn:aws:rolesanywhere:eu-central-1:123456789012:trust-anchor/1';
const ROLE = 'arn:aws:iam::123456789012:role/Uploader';
const WORDS = ['--certificate', '/d.pem', '--private-key', '/d.key', '--trust-anchor-arn', ANCHOR, '--role-arn', ROLE];
const FLAGS = WORDS.join(' ');
const IMAGE = 'public.ecr.aws/rolesanywhere/credential-helper:latest';

const items = (indent: string, words: readonly string[]): string =>
  words.map((word) => `${indent}- "${word}"\n`).join('');
const array = (...words: readonly string[]): string => JSON.stringify(words);

/** The only role of a file, and where its command was found. */
function found(text: string): unknown {
  const { commands, remarks } = helperCommands(text);
  expect(remarks).toEqual([]);
  const [config, ...more] = migratedConfigs(commands, '/c.yaml');
  expect([more, config?.remarks.filter(({ isLoss }) => isLoss)]).toEqual([[], []]);
  expect(config?.written).toMatchObject({
    identity: { certificate: '/d.pem', privateKey: '/d.key' },
    rolesAnywhere: { trustAnchorArn: ANCHOR },
    roles: [{ roleArn: ROLE }],
  });
  const { line, origin } = commands[0] ?? {};
  return [line, origin && 'name' in origin ? origin.name : origin?.kind];
}

describe('a command in', () => {
  test.each([
    [
      'lists of Kubernetes',
      `kind: Pod\nspec:\n  containers:\n    - name: creds\n      image: x\n      command: [aws_signing_helper]\n      args:\n${items('        ', ['serve', ...WORDS])}`,
      [4, 'creds'],
    ],
    [
      'arguments for the official image',
      `kind: Pod\nspec:\n  initContainers:\n    - name: creds\n      image: ${IMAGE}\n      args: ${array('serve', ...WORDS)}\n`,
      [4, 'creds'],
    ],
    [
      'a mirror of the image, by digest, in the second document',
      `kind: Namespace\n---\nkind: Pod\nspec: { containers: [{ name: c, image: "r.example/rolesanywhere/credential-helper@sha256:00", args: ${array('serve', ...WORDS)} }] }\n`,
      [4, 'c'],
    ],
    [
      'a shell in Kubernetes',
      `kind: Pod\nspec:\n  containers:\n    - name: c\n      command: ["/bin/sh", "-c", "exec aws_signing_helper serve ${FLAGS}"]\n`,
      [4, 'c'],
    ],
    [
      'a script of several lines',
      `kind: Pod\nspec:\n  containers:\n    - name: c\n      command: [sh, -c]\n      args:\n        - |\n          sleep 1\n          aws_signing_helper serve ${FLAGS} &\n`,
      [4, 'c'],
    ],
    [
      'a file of a ConfigMap',
      `kind: ConfigMap\ndata:\n  config: |\n    [profile a]\n    credential_process = aws_signing_helper credential-process ${FLAGS}\n`,
      [5, 'a'],
    ],
    ['a string of Compose', `services:\n  creds:\n    image: ${IMAGE}\n    command: serve ${FLAGS}\n`, [3, 'creds']],
    [
      'Compose with an entry point and an anchor',
      `x-words: &words ${array('serve', ...WORDS)}\nservices:\n  creds:\n    entrypoint: /usr/bin/aws_signing_helper\n    command: *words\n`,
      [4, 'creds'],
    ],
    [
      'a task definition of ECS, in JSON',
      JSON.stringify({ containerDefinitions: [{ name: 'c', image: IMAGE, command: ['serve', ...WORDS] }] }, null, 1),
      [3, 'c'],
    ],
    [
      'a template whose braces YAML takes for a map',
      `kind: Pod\nspec:\n  containers:\n    - name: {{ .Values.name }}\n      image: ${IMAGE}\n      args: ${array('serve', ...WORDS)}\n`,
      [4, undefined],
    ],
    [
      'more manifests than a configuration may have characters',
      `${'kind: ConfigMap\ndata: { a: "of another program" }\n---\n'.repeat(2_000)}kind: Pod\nname: c\nimage: ${IMAGE}\nargs: ${array('serve', ...WORDS)}\n`,
      [6_001, 'c'],
    ],
    ['cloud-init', `#cloud-config\nruncmd:\n  - ${array('aws_signing_helper', 'serve', ...WORDS)}\n`, [3, undefined]],
    [
      'a Dockerfile',
      `FROM debian\nCOPY aws_signing_helper /usr/bin/\nENTRYPOINT ["/usr/bin/aws_signing_helper"]\nCMD ${array('serve', ...WORDS)}\n`,
      [3, undefined],
    ],
    ['a Dockerfile of the official image', `FROM ${IMAGE}\nCMD ${array('serve', ...WORDS)}\n`, [2, undefined]],
    ['a Dockerfile with a line of shell', `FROM x\nCMD exec aws_signing_helper serve ${FLAGS}\n`, [2, undefined]],
    [
      'a Dockerfile in small letters',
      `from debian\nentrypoint ["aws_signing_helper"]\ncmd ${array('serve', ...WORDS)}\n`,
      [2, undefined],
    ],
    [
      'a script of Compose with continued lines',
      `services:\n  creds:\n    image: x\n    command: |\n      aws_signing_helper serve \\\n        ${FLAGS}\n`,
      [3, 'creds'],
    ],
    [
      'Terraform',
      `resource "a" "b" {\n  definitions = jsonencode([{\n    command = [\n      "aws_signing_helper", "serve",\n      ${WORDS.map((word) => `"${word}"`).join(',\n      ')},\n    ]\n  }])\n}\n`,
      [4, 'line'],
    ],
    ['Nomad', `config {\n  image = "${IMAGE}"\n  args = ${array('serve', ...WORDS)}\n}\n`, [3, undefined]],
    [
      'a program in JavaScript',
      `spawn('/usr/bin/aws_signing_helper', ['serve', ${WORDS.map((word) => `'${word}'`).join(', ')}])\n`,
      [1, 'line'],
    ],
    [
      'a template with conditions',
      `containers:\n{{- if .Values.own }}\n  - command: ${array('aws_signing_helper', 'serve', ...WORDS)}\n{{- end }}\n`,
      [3, 'line'],
    ],
    ['kubectl run', `kubectl run creds --image=${IMAGE} -- serve ${FLAGS}\n`, [1, 'line']],
    [
      'start-stop-daemon',
      `start-stop-daemon --start --exec /usr/bin/aws_signing_helper -- serve ${FLAGS}\n`,
      [1, 'line'],
    ],
    ['docker run', `docker run -d --name creds -v /c:/c \\\n  ${IMAGE} \\\n  serve ${FLAGS} # as root\n`, [1, 'creds']],
    [
      'podman run with an entry point',
      `podman run --rm --entrypoint /opt/aws_signing_helper registry.example/own:1 serve ${FLAGS}\n`,
      [1, undefined],
    ],
    [
      'a unit that runs docker',
      `[Service]\nExecStart=/usr/bin/docker run --rm --name=c ${IMAGE} serve ${FLAGS}\n`,
      [2, 'c'],
    ],
    ['a unit of podman', `[Container]\nImage=${IMAGE}\nExec=serve ${FLAGS}\n`, [3, undefined]],
  ])('%s', (_title, text, where) => {
    expect(found(text)).toEqual(where);
  });
});

test('unreadable text is reported with its line', () => {
  const remarks = (text: string): string[] =>
    helperCommands(text).remarks.map((remark) => `${remark.line} ${remark.text}`);
  expect(remarks('kind: Pod\n{{- if .x }}\nspec: { command: ["aws_signing_helper"] }\n')).toEqual([
    expect.stringMatching(/^3 names aws_signing_helper, .*helm template/) as string,
  ]);
  expect(remarks(`kind: Pod\nspec:\n  containers:\n    - image: ${IMAGE}\n`)).toEqual([
    expect.stringMatching(/^4 names aws_signing_helper/) as string,
  ]);
  expect(remarks(`{{ if .x }}\nimage: ${IMAGE}\nargs: ["a", "b"]\n`)).toEqual([
    expect.stringMatching(/^2 names aws_signing_helper/) as string,
  ]);
  expect(remarks(`cmd /c aws_signing_helper\n`)).toHaveLength(1);
  expect(remarks(`FROM x\nHEALTHCHECK CMD aws_signing_helper serve\nCMD ["x"]\n`)).toHaveLength(1);
});

test('a variable in a list is reported', () => {
  const { commands } = helperCommands(`args: ["aws_signing_helper", "serve", "--role-arn", "$(ROLE)"]\n`);
  expect(commands[0]?.remarks.map(({ text }) => text)).toEqual([
    '--role-arn: $(ROLE) contains a variable, which is not expanded here',
  ]);
});

test('the configuration of a container accepts the key as mounted by Kubernetes, and the text says what to change', () => {
  const { commands } = helperCommands(`kind: Pod\nname: c\nimage: ${IMAGE}\nargs: ${array('serve', ...WORDS)}\n`);
  const [config] = migratedConfigs(commands, '/etc/imds-anywhere/config.yaml');
  expect(config?.written['identity']).toMatchObject({ allowReadableKey: true });
  const text = config && migrationText(config, 'pod.yaml');
  expect(text).toContain('# line 1, container c:\n');
  expect(text).toContain('arguments: serve /etc/imds-anywhere/config.yaml\n');
});

describe('a unit that served', () => {
  const unit = (settings: string, flags = FLAGS): string =>
    `[Service]\n${settings}ExecStart=/usr/bin/aws_signing_helper serve ${flags}\n`;
  const placed = (text: string, file: string): ReturnType<typeof migratedConfigs>[number] => {
    const [config] = migratedConfigs(helperCommands(text).commands, file);
    if (!config) throw new Error('nothing was found');
    return config;
  };

  test.each([
    ['config.yaml', 'imds-anywhere.service'],
    ['reader.yaml', 'imds-anywhere@reader.service'],
  ])('becomes the packaged one for %s, which gets a copy of the key', (file, name) => {
    const config = placed(unit('User=app\n'), `/etc/imds-anywhere/${file}`);
    expect(config.written['identity']).toEqual({
      certificate: '/d.pem',
      privateKey: `/run/credentials/${name}/device.key`,
    });
    expect(config.remarks.map(({ text, isLoss }) => [text.slice(0, 9), isLoss])).toEqual([['User=app:', false]]);
    const text = migrationText(config, '/etc/systemd/system/old.service');
    expect(text).toContain('#   systemctl disable --now old.service\n');
    expect(text).toContain(`LoadCredential=device.key:/d.key >/etc/systemd/system/${name}.d/key.conf\n`);
    expect(text).toContain(`#   systemctl enable --now ${name}\n`);
  });

  test('keeps the key if no packaged unit reads the file', () => {
    expect(placed(unit(''), '/srv/c.yaml')).toMatchObject({
      unit: undefined,
      written: { identity: { privateKey: '/d.key' } },
    });
  });

  test('yields commands in which each file name is one word', () => {
    const key = String.raw`"/d'; touch x; '.key"`;
    const config = placed(unit('', FLAGS.replace('/d.key', key)), '/etc/imds-anywhere/config.yaml');
    const [first, , third] = config.unit ? unitCommands(config.unit, 'a b.service') : [];
    expect(first).toBe("systemctl disable --now 'a b.service'");
    const printed = execFileSync('sh', ['-c', (third ?? '').replace(/>\/etc.*/, '')], { encoding: 'utf8' });
    expect(printed).toBe("[Service]\nLoadCredential=\nLoadCredential=device.key:/d'; touch x; '.key\n");
  });

  test('loses what the sandbox hides, and its variables', () => {
    const text = unit('Environment=HTTPS_PROXY=http://u:marked@p\n', FLAGS.replace('/d.pem', '/home/a/d.pem'));
    const config = placed(text, '/etc/imds-anywhere/config.yaml');
    expect(config.remarks.map((remark) => [remark.text.split(':')[0], remark.isLoss])).toEqual([
      ['--certificate', true],
      ['Environment= and EnvironmentFile=', true],
    ]);
    expect(migrationText(config, 'x')).not.toContain('marked');
  });
});
