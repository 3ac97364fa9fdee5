import { describe, expect, it } from 'vitest';
import { asCodedError, errorFactory } from '../../src/foundation/errors.ts';

const roomError = errorFactory({ FILE_GONE: 'Bring it back.' });

function systemError(code: string, message = code, more: object = {}): Error {
  return Object.assign(new Error(message), { code, ...more });
}

describe('when no descriptor was left', () => {
  it.each([
    systemError('EMFILE'),
    systemError('ENFILE'),
    systemError('ERR_WORKER_INIT_FAILED', 'Worker initialization failure: EMFILE'),
  ])('%s says so in every room', (cause) => {
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
  ])('%s is something else', (cause) => {
    expect(roomError('FILE_GONE', 'x', cause)).toMatchObject({ code: 'FILE_GONE', remedy: 'Bring it back.' });
  });
});
