// What can be checked on this host without a call: files, key, certificate, session tags.

import path from 'node:path';
import { isoSeconds } from '../foundation/clock.ts';
import type { ConfigFinding } from '../foundation/config-finding.ts';
import type { SigningIdentity } from '../identity/signing-identity.ts';
import { sourceText } from '../keys/key-source.ts';
import { chainFindings, filesNamed, provenBySigning, tagFindings } from './config-checks.ts';
import { type Found, type Known, placed, type Request, type Step } from './step.ts';
import { checkService } from './unit-check.ts';

export const FILES: Step = { name: 'files', title: 'files and their rights', area: 'host', check: checkFiles };
export const IDENTITY: Step = { name: 'identity', title: 'key and certificate', area: 'host', check: checkIdentity };
export const TAGS: Step = { name: 'tags', title: 'session tags', area: 'host', check: checkTags };

async function checkFiles({ file, config, user }: Known, { environment }: Request): Promise<Found> {
  const served = { file: path.resolve(file.name), identity: config.identity, config, environment, user };
  const { unit, identity: sourced, findings: ofService } = await checkService(served);
  const findings: ConfigFinding[] = [
    ...ofService,
    ...(await filesNamed(config, sourced, environment)),
    ...(await chainFindings(config)),
  ];
  const reader = user?.name ?? (unit ? `the user of ${unit.name}` : 'this user');
  return {
    seen: [`checked for ${reader}`],
    findings: findings.map((finding) => placed(finding, file)),
    learned: { unit, sourced },
  };
}

async function checkIdentity({ file, sourced, config }: Known, { environment }: Request): Promise<Found> {
  if (!sourced) return { unchecked: ['key and certificate are encrypted credentials of a systemd unit'] };
  const { identity, findings } = await provenBySigning(sourced, environment);
  const hasAnchor = config.identity.trustAnchorBundle !== undefined;
  return {
    seen: identity ? identityLines(identity) : [],
    findings: findings.map((finding) => placed(finding, file)),
    unchecked:
      hasAnchor || !identity
        ? []
        : ['the path to the trust anchor: set identity.trustAnchorBundle to its certificates'],
    learned: { identity, facts: identity ? ['certificate', ...(hasAnchor ? (['chain'] as const) : [])] : [] },
  };
}

function identityLines({ subject, issuer, notAfter, chain, key }: SigningIdentity): string[] {
  return [
    `${subject}, issued by ${issuer}`,
    `valid until ${isoSeconds(notAfter)}, ${chain.length} intermediate(s)`,
    ...keyLines(key),
  ];
}

function keyLines(key: SigningIdentity['key']): string[] {
  if (key.kind === 'spiffe') return [`${key.id}, from the SPIFFE agent`];
  return key.kind === 'file' ? [] : [`${sourceText(key)} has signed, and the signature was verified`];
}

function checkTags({ file, identity }: Known): Promise<Found> {
  if (!identity) return Promise.resolve({ unchecked: ['the certificate is not known'] });
  const findings = tagFindings(identity).map((finding) => placed(finding, file));
  const isTaggable = findings.length === 0;
  return Promise.resolve({
    seen: isTaggable ? ['every attribute of the certificate can be a session tag'] : [],
    findings,
    learned: isTaggable ? { facts: ['tags'] } : {},
  });
}
