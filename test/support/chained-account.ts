import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parse, stringify } from 'yaml';
import type { RunningEmulator, Workshop } from './workshop.ts';

/** The role of the emulator's account, in its first account. */
export const HUB = 'arn:aws:iam::111122223333:role/device';
/** A role in another account, and a second one that lacks sts:SetSourceIdentity in its trust policy. */
export const DEPLOY = 'arn:aws:iam::222233334444:role/deploy';
export const FORGETFUL = 'arn:aws:iam::222233334444:role/forgetful';
export const EXTERNAL_ID = 'snowy-lan';

const ALL = ['sts:AssumeRole', 'sts:SetSourceIdentity', 'sts:TagSession'];

interface AccountFile {
  readonly roles: { arn: string; trustPolicy: { Statement: object[] }; policies?: object }[];
}

/**
 * An emulator whose role may assume itself and roles of another account, with the policies of
 * docs/chaining.md.
 */
export async function emulatorWithChain(workshop: Workshop): Promise<RunningEmulator> {
  const { directory, config, program } = await workshop.emulator();
  await program.stop();
  const file = path.join(directory, 'account.yaml');
  const account = parse(await readFile(file, 'utf8')) as AccountFile;
  const [hub] = account.roles;
  if (hub?.arn !== HUB) throw new Error(`the role of the account is ${hub?.arn ?? 'missing'}`);
  hub.trustPolicy.Statement.push(allow(ALL));
  hub.policies = { chain: policy({ Effect: 'Allow', Action: ALL, Resource: '*' }) };
  const ofOthers = { StringEquals: { 'sts:ExternalId': EXTERNAL_ID } };
  account.roles.push(
    {
      arn: DEPLOY,
      trustPolicy: policy({ ...allow(['sts:AssumeRole']), Condition: ofOthers }, allow(ALL.slice(1))),
    },
    { arn: FORGETFUL, trustPolicy: policy(allow(['sts:AssumeRole'])) },
  );
  await writeFile(file, stringify(account));
  const again = workshop.start(['emulate', '--dir', directory, '--listen', '127.0.0.1:0']);
  const [, url = ''] = await again.says(/endpoint: (http:\S+)/);
  await again.says(/AWS_ENDPOINT_URL_STS/);
  const [, before = ''] = /endpoint: (http:\S+)/.exec(config) ?? [];
  return { url, directory, config: config.replaceAll(before, url), program: again };
}

function allow(actions: readonly string[]): object {
  return { Effect: 'Allow', Principal: { AWS: HUB }, Action: actions };
}

function policy(...Statement: object[]): { Version: string; Statement: object[] } {
  return { Version: '2012-10-17', Statement };
}
