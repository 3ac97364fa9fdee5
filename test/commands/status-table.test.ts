import { expect, test } from 'vitest';
import { statusOf } from '../../src/admin/status.ts';
import { statusTable } from '../../src/commands/status-table.ts';
import { certificate, granted, NOON, refused, roleSnapshot, snapshot, troubled } from '../admin/support.ts';
import { failure, MINUTE } from '../sessions/support.ts';
import { makeKeys } from '../support/pki.ts';
import { without } from '../support/without.ts';

const plain = (text: string): string => text;

test('shows certificate and roles, with remedies', () => {
  const roles = [
    roleSnapshot('uploader', granted),
    roleSnapshot('reader', troubled(troubled(granted, NOON), NOON + 5 * MINUTE)),
    roleSnapshot('spare', refused, false),
  ];
  const status = statusOf({ ...snapshot(roles), now: NOON + 6 * MINUTE });
  expect(statusTable({ ...status, version: 'X' }, plain)).toBe(`imds-anywhere X: degraded, up 1 h 6 min

CERTIFICATE  CN=device-0001
  issued by  CN=Test CA
  serial     01
  key        in a file
  valid      until 2026-11-24T00:00:00Z, 1 d 11 h left

ROLE                  CONDITION        EXPIRES    NEXT CALL  ENDPOINT
uploader              fresh            in 54 min  in 18 min  http://127.0.0.1:9911
reader                renewal failing  in 54 min  in 0 s     http://127.0.0.1:9911
  RA_UNREACHABLE: it failed
    fix it
    for 6 min, 2 calls
spare (not required)  no session       -          in 0 s     http://127.0.0.1:9911
  RA_UNREACHABLE: it failed
    fix it
    for 6 min, 1 call
`);
});

test('the key has its place, its last signature and its last failure', () => {
  const key = {
    kind: 'ssh-agent',
    socket: '/run/agent.sock',
    secret: undefined,
    publicKey: makeKeys('P-256').publicKey,
  } as const;
  const signatures = {
    made: { at: NOON, durationMs: 3 },
    failed: { at: NOON - MINUTE, failure: failure('soon', 'SSH_AGENT_UNREACHABLE') },
  };
  const status = statusOf(snapshot([], { used: { ...certificate, key }, signatures }));
  expect(statusTable(status, plain)).toContain(
    '\n  key        ssh-agent:/run/agent.sock, last signature in 3 ms at 2026-11-22T12:00:00Z, ' +
      'last failure SSH_AGENT_UNREACHABLE at 2026-11-22T11:59:00Z\n',
  );
  const older = without(status.identity, 'signature');
  expect(statusTable({ ...status, identity: older as typeof status.identity }, plain)).toContain('ssh-agent:');
});

test('shows a rejected configuration first', () => {
  const unapplied = { ...snapshot([]), configurationFault: failure('soon', 'CONFIG_INVALID') };
  expect(statusTable({ ...statusOf(unapplied), version: 'X' }, plain)).toContain(`imds-anywhere X: degraded, up 1 h

New configuration rejected; keeping the current one
  CONFIG_INVALID: it failed
    fix it

CERTIFICATE  CN=device-0001
`);
});

test('shows one line for each endpoint of a role', () => {
  const container = { kind: 'container' as const, url: 'http://127.0.0.1:9913/v1/credentials/uploader' };
  const socket = { kind: 'socket' as const, url: 'unix:/run/sock' };
  const uploader = roleSnapshot('uploader', granted);
  const roles = [
    { ...uploader, endpoints: [...uploader.endpoints, container, socket] },
    { ...uploader, endpoints: [] },
  ];
  expect(statusTable(statusOf(snapshot(roles)), plain)).toContain(`
ROLE      CONDITION  EXPIRES  NEXT CALL  ENDPOINT
uploader  fresh      in 1 h   in 24 min  http://127.0.0.1:9911
                                         http://127.0.0.1:9913/v1/credentials/uploader
                                         unix:/run/sock
uploader  fresh      in 1 h   in 24 min  -
`);
});

test('colours show the state and change nothing else', () => {
  const status = statusOf(snapshot([roleSnapshot('uploader', granted)]));
  const painted = statusTable(status, (text, colour) => `<${colour}>${text}</>`);
  expect(painted).toContain('<green>ready</>');
  expect(painted).toContain('<green>fresh');
  expect(painted.replaceAll(/<\/?\w*>/g, '')).toBe(statusTable(status, plain));
});

test('shows a refused certificate, and unusable files', () => {
  const refusal = { failure: failure('slow', 'RA_CERTIFICATE_REVOKED'), restsUntil: NOON };
  const seen = snapshot([roleSnapshot('uploader', granted)], { candidate: certificate, refusal, used: undefined });
  const table = statusTable(statusOf(seen), plain);
  expect(table).toContain(
    'CERTIFICATE  none yet\n  candidate  01 until 2026-11-24T00:00:00Z\n  RA_CERTIFICATE_REVOKED: ',
  );
});

test.each([
  [90 * 86_400, 89 * 86_400, '89 d left', undefined],
  [90 * 86_400, 17 * 86_400, '17 d left', 'yellow'],
  [90 * 86_400, 3_600, '1 h left', 'red'],
  [3_600, 1_800, '30 min left', undefined],
  [3_600, 600, '10 min left', 'yellow'],
  [3_600, 170, '2 min 50 s left', 'red'],
  [3_600, -170, 'expired 2 min 50 s ago', 'red'],
])('a certificate with a lifetime of %d s and %d s left: %s', (life, left, text, colour) => {
  const status = statusOf(snapshot([]));
  const at = (seconds: number): string => new Date(NOON + seconds * 1_000).toISOString();
  const identity = {
    ...status.identity,
    certificate: status.identity.certificate && {
      ...status.identity.certificate,
      notBefore: at(left - life),
      notAfter: at(left),
    },
  };
  const painted: string[] = [];
  const table = statusTable({ ...status, identity }, (line, chosen) => {
    if (line.includes('until')) painted.push(chosen);
    return line;
  });
  expect(table).toContain(text);
  expect(painted).toEqual(colour === undefined ? [] : [colour]);
});
