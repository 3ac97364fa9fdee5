import { describe, expect, it } from 'vitest';
import { asCodedError, errorFactory, messageOf } from '../../src/foundation/errors.ts';
import { failureFields } from '../../src/foundation/logger.ts';
import { errorFrom, partsOf } from '../../src/foundation/thread.ts';

const roomError = errorFactory({ FILE_GONE: 'Bring it back.' });

function systemError(code: string, message = code, more: object = {}): Error {
  return Object.assign(new Error(message), { code, ...more });
}

describe('without free file descriptors', () => {
  it.each([
    systemError('EMFILE'),
    systemError('ENFILE'),
    systemError('ERR_WORKER_INIT_FAILED', 'Worker initialization failure: EMFILE'),
  ])('%s has the same code in every room', (cause) => {
    const error = roomError('FILE_GONE', 'x cannot be read', cause);
    expect(error).toMatchObject({ code: 'TOO_MANY_OPEN_FILES', message: 'x cannot be read', cause });
    expect(error.remedy).toContain('LimitNOFILE');
    expect(asCodedError(cause).code).toBe('TOO_MANY_OPEN_FILES');
  });

  it.each([
    undefined,
    'EMFILE',
    systemError('ENOENT'),
    systemError('ERR_WORKER_INIT_FAILED', 'Worker initialization failure: ENOMEM'),
    systemError('EMFILE', 'EMFILE: too many open files', { syscall: 'watch' }),
  ])('%s has another code', (cause) => {
    expect(roomError('FILE_GONE', 'x', cause)).toMatchObject({ code: 'FILE_GONE', remedy: 'Bring it back.' });
  });
});

it('a removed working directory is no defect', () => {
  const cause = systemError('ENOENT', 'ENOENT: process.cwd failed', { syscall: 'uv_cwd' });
  expect(asCodedError(cause)).toMatchObject({ code: 'WORKING_DIRECTORY_GONE', kind: 'transient' });
});

it('the message of a system error does not show descriptors of this process', () => {
  const cause = systemError(
    'ENOENT',
    "ENOENT: no such file or directory, rename '/proc/self/fd/19/a' -> '/proc/self/fd/7/b'",
  );
  expect(messageOf(cause)).toBe("ENOENT: no such file or directory, rename 'a' -> 'b'");
  expect(failureFields(roomError('FILE_GONE', 'x cannot be read', cause))).toMatchObject({ cause: messageOf(cause) });
  expect(messageOf(new Error('/proc/self/fd/63 is a pipe'))).toBe('/proc/self/fd/63 is a pipe');
});

describe('the kind of an error', () => {
  const error = errorFactory({ TAKEN: 'Wait.', WRONG: 'Change it.' }, 'transient', { WRONG: 'configuration' });

  it('comes from its catalogue or its exceptions', () => {
    expect([error('TAKEN', 'it is taken').kind, error('WRONG', 'it is wrong').kind]).toEqual([
      'transient',
      'configuration',
    ]);
  });

  it('is a defect if unknown, and transient without descriptors', () => {
    expect(asCodedError(new TypeError('x is not a function')).kind).toBe('defect');
    const cause = Object.assign(new Error('too many'), { code: 'EMFILE' });
    expect(error('WRONG', 'it is wrong', cause).kind).toBe('transient');
  });

  it('survives crossing threads', () => {
    expect(errorFrom(partsOf(error('WRONG', 'it is wrong'))).kind).toBe('configuration');
  });
});
