import { describe, expect, it } from 'vitest';
import { examineConfig } from '../../src/config/examined-config.ts';

const rest = {
  rolesAnywhere: {
    trustAnchorArn: 'arn:aws:rolesanywhere:eu-central-1:123456789012:trust-anchor/11111111-2222-3333-4444-555555555555',
    profileArn: 'arn:aws:rolesanywhere:eu-central-1:123456789012:profile/66666666-7777-8888-9999-000000000000',
  },
  roles: [{ roleArn: 'arn:aws:iam::123456789012:role/Uploader' }],
};

function examined(identity: object): ReturnType<typeof examineConfig> {
  return examineConfig({ identity: { certificate: 'device.pem', ...identity }, ...rest }, '/etc/imds-anywhere');
}

describe('a key elsewhere', () => {
  it.each([
    ['handle:0x81010001', { kind: 'tpm', key: { handle: 0x8101_0001 } }],
    ['HANDLE:0x81FFFFFF', { kind: 'tpm', key: { handle: 0x81ff_ffff } }],
    ['ssh-agent:', { kind: 'ssh-agent' }],
    ['ssh-agent:/run/agent.sock', { kind: 'ssh-agent', socket: '/run/agent.sock' }],
    ['ssh-agent:agent.sock', { kind: 'ssh-agent', socket: '/etc/imds-anywhere/agent.sock' }],
  ])('%s', (privateKey, source) => {
    expect(examined({ privateKey }).config?.identity.privateKey).toEqual(source);
  });

  it('in a TPM, with its device and passwords', () => {
    const tpm = {
      device: '/dev/tpm0',
      parentPassword: { file: 'parent' },
      ownerPassword: { credential: 'owner' },
    };
    expect(examined({ privateKey: 'handle:0x81010001', tpm }).config?.identity).toMatchObject({
      privateKey: { kind: 'tpm', key: { handle: 0x8101_0001 }, device: '/dev/tpm0' },
      tpm: {
        device: '/dev/tpm0',
        parentPassword: { from: 'file', path: '/etc/imds-anywhere/parent' },
        ownerPassword: { from: 'credential', name: 'owner' },
      },
    });
  });

  it('a certificate of several on a token', () => {
    const certificate = { subject: 'CN=device-0001,O=Example', serial: '0A4f' };
    const { config } = examined({ certificate: 'pkcs11:token=x', pkcs11: { certificate } });
    expect(config?.identity.certificateSelector).toEqual(certificate);
  });

  it('a command', () => {
    const signer = { command: ['bin/sign', '--key', ''], timeout: 2.5, environment: ['HOME'] };
    expect(examined({ signer }).config?.identity.privateKey).toEqual({
      kind: 'command',
      argv: ['/etc/imds-anywhere/bin/sign', '--key', ''],
      environment: ['HOME'],
      timeoutMs: 2_500,
    });
    const short = examined({ signer: { command: ['/bin/sign'] } }).config?.identity.privateKey;
    expect(short).toMatchObject({ environment: [], timeoutMs: 10_000 });
  });

  it.each([
    [{ privateKey: 'ssh-agent:~/agent.sock' }, 'identity.privateKey must be a path without ~'],
    [{ privateKey: 'ssh-agent:$SSH_AUTH_SOCK' }, 'identity.privateKey must be a path without variables'],
    [{ privateKey: 'handle:0x80000001' }, 'the handle of a persistent key in a TPM'],
    [{ privateKey: 'handle:81010001' }, 'the handle of a persistent key in a TPM'],
    [{ privateKey: 'handle:0x8101000' }, 'the handle of a persistent key in a TPM'],
    [{ privateKey: 'handle:' }, 'the handle of a persistent key in a TPM'],
    [{ privateKey: '0x81010001' }, 'handle: and the handle of a key in a TPM'],
    [{ certificate: 'handle:0x81010001' }, 'only privateKey can be a handle'],
    [{ tpm: { parentPassword: 'secret' } }, 'exactly one of file, credential or environment'],
    [{ certificate: 'ssh-agent:' }, 'only privateKey can be in an SSH agent'],
    [{ intermediates: 'ssh-agent:' }, 'only privateKey can be in an SSH agent'],
    [{ signer: {} }, 'the key "identity.signer.command" is missing'],
    [{ signer: { command: 'sign' } }, 'identity.signer.command must be a list'],
    [{ signer: { command: [] } }, 'at least the path of a program'],
    [{ signer: { command: ['sign'] } }, 'begins with the path of a program'],
    [{ signer: { command: ['~/sign'] } }, 'begins with the path of a program'],
    [{ signer: { command: ['/bin/sign', 'a\0b'] } }, 'without null bytes'],
    [{ signer: { command: ['/bin/sign'], timeout: 0 } }, 'at least 1 second'],
    [{ signer: { command: ['/bin/sign'], timeout: 61 } }, 'at most 60 seconds'],
    [{ signer: { command: ['/bin/sign'], environment: ['A=b'] } }, 'the name of an environment variable'],
    [{ pkcs11: { certificate: { serial: '0a' } } }, 'only certificates on a token can be selected'],
    [
      { certificate: 'pkcs11:', pkcs11: { certificate: {} } },
      'must be a map with at least one of subject, issuer and serial',
    ],
    [
      { certificate: 'pkcs11:', pkcs11: { certificate: { serial: 4711 } } },
      'serial must be hexadecimal digits in quotes',
    ],
    [
      { certificate: 'pkcs11:', pkcs11: { certificate: { serial: '0a:4f' } } },
      'serial must be hexadecimal digits in quotes',
    ],
    [
      { certificate: 'pkcs11:', pkcs11: { certificate: { name: 'CN=x' } } },
      'unknown key "identity.pkcs11.certificate.name"',
    ],
    [{ privateKey: 'device.key', signer: { command: ['/bin/sign'] } }, 'both say where the key is'],
  ])('is rejected as %j', (identity, text) => {
    const { config, problems } = examined(identity);
    expect(config).toBeUndefined();
    expect(problems.map(({ error }) => error.message).join('\n')).toContain(text);
  });
});

describe('an identity from a SPIFFE agent', () => {
  const withSpiffe = (identity: object): ReturnType<typeof examineConfig> =>
    examineConfig({ identity, ...rest }, '/etc/imds-anywhere');
  const keysOf = ({ problems }: ReturnType<typeof examineConfig>): string[] =>
    problems.map(({ path, error: { code } }) => `${path.join('.')} ${code}`);

  it.each([
    [{}, {}],
    [{ socket: 'unix:///run/spire/agent.sock' }, { socket: '/run/spire/agent.sock' }],
    [
      { socket: 'unix:/run/agent.sock', id: 'spiffe://example.org/a/b', hint: 'aws' },
      { socket: '/run/agent.sock', id: 'spiffe://example.org/a/b', hint: 'aws' },
    ],
    [{ socket: 'unix:///run/my agent.sock' }, { socket: '/run/my agent.sock' }],
    [{ socket: 'unix:///run/my%20agent.sock' }, { socket: '/run/my agent.sock' }],
  ])('%j', (spiffe, source) => {
    const { config, problems } = withSpiffe({ spiffe, trustAnchorBundle: 'root.pem' });
    expect(problems).toEqual([]);
    expect(config?.identity).toMatchObject({
      certificate: { kind: 'spiffe', ...source },
      trustAnchorBundle: '/etc/imds-anywhere/root.pem',
    });
    expect(config?.identity).not.toHaveProperty('privateKey');
  });

  it.each([
    '/run/spire/agent.sock',
    'unix://run/spire/agent.sock',
    'unix:agent.sock',
    'tcp://127.0.0.1:8081',
    'unix:///run/a?x',
    'unix:///run/a%',
    'unix:///run/a%00b',
    'unix:@agent',
    'unix-abstract:agent',
    'npipe:a',
  ])('not at %s', (socket) => {
    expect(keysOf(withSpiffe({ spiffe: { socket } }))).toEqual(['identity.spiffe.socket CONFIG_WRONG_VALUE']);
  });

  it.each(['example.org/a', 'spiffe://example.org', 'spiffe://Example.org/a', 'https://example.org/a'])(
    'not %s',
    (id) => {
      expect(keysOf(withSpiffe({ spiffe: { id } }))).toEqual(['identity.spiffe.id CONFIG_WRONG_VALUE']);
    },
  );

  it('has neither files nor tokens beside it', () => {
    const { problems } = withSpiffe({
      spiffe: {},
      ...{ certificate: 'a.pem', privateKey: 'a.key', intermediates: 'b.pem', passphrase: { file: 'c' } },
      ...{ signer: { command: ['/bin/sign'] }, renew: { command: ['/bin/renew'] }, tpm: {} },
    });
    const keys = ['certificate', 'intermediates', 'passphrase', 'privateKey', 'renew', 'signer', 'tpm'];
    expect(problems.map(({ path }) => path.join('.')).sort()).toEqual(keys.map((key) => `identity.${key}`));
    for (const { error } of problems) expect(error.message).toContain('identity.spiffe gives certificate and key');
  });

  it('is the only one that may lack a certificate', () => {
    expect(keysOf(withSpiffe({}))).toEqual(['identity.certificate CONFIG_MISSING_KEY']);
    expect(keysOf(withSpiffe({ spife: {} }))).toEqual([
      'identity.certificate CONFIG_MISSING_KEY',
      'identity.spife CONFIG_UNKNOWN_KEY',
    ]);
  });
});
