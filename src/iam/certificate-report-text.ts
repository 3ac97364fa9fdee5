import { printableLine } from '../foundation/printable.ts';
import type { CertificateReport } from './certificate-report.ts';
import { iamErrors } from './iam-errors.ts';

/** `policy show` for people. */
export function certificateReportText(report: CertificateReport): string {
  const { subject, issuer, trust, commands } = report;
  return [
    `certificate  ${subject}`,
    `issued by    ${issuer}`,
    ...titled('What IAM sees', keyLines(report)),
    ...titled('Sessions', sessionLines(report)),
    ...titled('Not a session tag', untaggableLines(report)),
    ...titled('Notes', report.notes),
    ...titled('Correct the mapping of the profile', commands.mapping),
    ...titled(
      `Trust policy, trust.json (--for ${trust.for})`,
      [
        `${trust.isWide ? 'warning: ' : ''}${trust.accepts}`,
        '',
        ...JSON.stringify(trust.document, undefined, 2).split('\n'),
      ],
      '',
    ),
    ...titled('Role and profile', [...commands.role, ...commands.profile]),
    '',
  ].join('\n');
}

function titled(title: string, lines: readonly string[], indent = '  '): string[] {
  return lines.length === 0 ? [] : ['', title, ...lines.map((line) => indent + printableLine(line))];
}

function keyLines({ tags, sourceIdentity }: CertificateReport): string[] {
  const keys = Object.entries(tags).map(([key, value]): [string, string] => [`aws:PrincipalTag/${key}`, value]);
  const all: [string, string][] = [...keys, ['sts:SourceIdentity', sourceIdentity]];
  const width = Math.max(...all.map(([key]) => key.length));
  return all.map(([key, value]) => `${key.padEnd(width)}  ${value}`);
}

function sessionLines({ sessions }: CertificateReport): string[] {
  return sessions.map(({ acceptRoleSessionName, assumedRoleArn }) =>
    acceptRoleSessionName
      ? `${assumedRoleArn}  if the profile has acceptRoleSessionName and the caller sets a name`
      : `${assumedRoleArn}  the serial number, new with each certificate`,
  );
}

function untaggableLines({ untaggable }: CertificateReport): string[] {
  if (untaggable.length === 0) return [];
  const lines = untaggable.map(({ key, value, reason }) => `${key} "${value.slice(0, 100)}" ${reason}`);
  return [...lines, `ATTRIBUTE_NOT_TAGGABLE: ${iamErrors.ATTRIBUTE_NOT_TAGGABLE}`];
}
