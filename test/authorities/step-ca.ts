import { type ChildProcess, spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { freePort } from '../support/free-port.ts';
import type { Authority, Issued } from '../support/pki.ts';
import { eventually } from '../support/program.ts';
import { hasTool } from '../support/tools.ts';

/** `.ci/run` builds step-ca and step here. */
export const BUILT = path.resolve(import.meta.dirname, '../../.cache/bin');
export const STEP_NAME = 'step-ca and step in .cache/bin (.ci/run builds them)';

export function hasStep(): boolean {
  return hasTool(path.join(BUILT, 'step-ca'), 'version') && hasTool(path.join(BUILT, 'step'), 'version');
}

/** The built-in one leaves out the unit, which the trust policy requires. */
const TEMPLATE = `{
  "subject": { "commonName": {{ toJson .Subject.CommonName }}, "organizationalUnit": "Devices" },
  "sans": {{ toJson .SANs }},
  "keyUsage": ["digitalSignature"],
  "extKeyUsage": ["clientAuth"]
}`;

/** A real step-ca below a root of the test, with a key that signs its one-time tokens. */
export class StepCa {
  readonly url: string;
  readonly rootFile: string;
  /** Of the provisioner. */
  readonly tokenKeyFile: string;
  readonly #config: string;
  #process: ChildProcess | undefined;

  private constructor(directory: string, url: string) {
    this.url = url;
    this.rootFile = path.join(directory, 'root.pem');
    this.tokenKeyFile = path.join(directory, 'provisioner.jwk');
    this.#config = path.join(directory, 'ca.json');
  }

  static async create(
    directory: string,
    {
      root,
      authority,
      lifeSeconds,
    }: { readonly root: Issued; readonly authority: Authority; readonly lifeSeconds: number },
  ): Promise<StepCa> {
    await mkdir(directory);
    const address = `127.0.0.1:${await freePort()}`;
    const ca = new StepCa(directory, `https://${address}`);
    await writeFile(ca.rootFile, root.certificatePem);
    const [crt, key] = [path.join(directory, 'ca.pem'), path.join(directory, 'ca.key')];
    await writeFile(crt, authority.certificatePem);
    await writeFile(key, authority.keyPem, { mode: 0o600 });
    const life = `${lifeSeconds}s`;
    const config = {
      ...{ root: ca.rootFile, crt, key, address, dnsNames: ['127.0.0.1'] },
      // Remembers the tokens that were used.
      db: { type: 'bbolt', dataSource: path.join(directory, 'db') },
      authority: {
        provisioners: [
          { type: 'JWK', name: 'devices', key: await ca.#tokenKey(), options: { x509: { template: TEMPLATE } } },
        ],
        claims: { minTLSCertDuration: life, defaultTLSCertDuration: life, maxTLSCertDuration: life },
        backdate: '0s',
      },
    };
    await writeFile(ca.#config, JSON.stringify(config));
    return ca;
  }

  /** @returns the public half. */
  async #tokenKey(): Promise<object> {
    const { d, ...key } = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' });
    const jwk = { ...key, use: 'sig', alg: 'ES256', kid: 'devices' };
    await writeFile(this.tokenKeyFile, JSON.stringify({ ...jwk, d }), { mode: 0o600 });
    return jwk;
  }

  async open(): Promise<void> {
    const child = spawn(path.join(BUILT, 'step-ca'), [this.#config], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#process = child;
    let text = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (part: string) => (text += part));
    await eventually('step-ca', 60_000, () => {
      if (child.exitCode !== null) throw new Error(`step-ca ended: ${text}`);
      return text.includes('Serving HTTPS on') || undefined;
    });
  }

  /** Like a crash. */
  async close(): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }
}
