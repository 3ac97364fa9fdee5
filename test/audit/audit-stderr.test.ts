import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { auditStderr } from '../../src/audit/audit-file.ts';
import { describeWith, hasTool } from '../support/tools.ts';

describeWith('mkfifo', hasTool('mkfifo', '--version'), 'audit lines on standard error, to a pipe', () => {
  it('do not block on a stuck reader, and continue when it reads', async () => {
    const directory = mkdtempSync(path.join(tmpdir(), 'imds-anywhere-stderr-'));
    const fifo = path.join(directory, 'stderr');
    execFileSync('mkfifo', [fifo]);
    const reader = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
    const standardError = openSync(fifo, constants.O_WRONLY);
    onTestFinished(() => {
      closeSync(reader);
      closeSync(standardError);
      rmSync(directory, { recursive: true });
    });
    const sink = auditStderr(standardError);
    const line = Buffer.alloc(1_000, 'x');
    // A pipe holds 64 KiB.
    const written = await Promise.allSettled(Array.from({ length: 100 }, () => sink.write(line)));
    expect(written.at(0)).toEqual({ status: 'fulfilled', value: 1_000 });
    expect(written.at(-1)).toMatchObject({ status: 'rejected', reason: { code: 'EAGAIN' } });
    readSync(reader, Buffer.alloc(65_536));
    expect(await sink.write(line)).toBe(1_000);
  });
});
