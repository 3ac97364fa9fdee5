import { describe, expect, it } from 'vitest';
import { CodedError } from '../../src/foundation/errors.ts';
import { networkError } from '../../src/rolesanywhere/network-error.ts';

const ROUTE = { origin: 'https://service.example', proxy: undefined };

function failed(code: string, message = 'it failed'): Error {
  return Object.assign(new Error(message), { code });
}

describe('a failure of the network', () => {
  it.each([
    ['ENOTFOUND', 'RA_NAME_UNRESOLVED'],
    ['ENODATA', 'RA_NAME_UNRESOLVED'],
    ['EAI_AGAIN', 'RA_NAME_UNRESOLVED'],
    ['ECONNREFUSED', 'RA_CONNECTION_REFUSED'],
    ['ENETUNREACH', 'RA_UNREACHABLE'],
    ['EHOSTUNREACH', 'RA_UNREACHABLE'],
    ['ENETDOWN', 'RA_UNREACHABLE'],
    ['EHOSTDOWN', 'RA_UNREACHABLE'],
    ['EADDRNOTAVAIL', 'RA_UNREACHABLE'],
    ['EACCES', 'RA_UNREACHABLE'],
    ['EPERM', 'RA_UNREACHABLE'],
    ['ETIMEDOUT', 'RA_CONNECT_TIMEOUT'],
    ['CERT_HAS_EXPIRED', 'RA_TLS_DATES'],
    ['CERT_NOT_YET_VALID', 'RA_TLS_DATES'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'RA_TLS_WRONG_NAME'],
    ['SELF_SIGNED_CERT_IN_CHAIN', 'RA_TLS_UNTRUSTED'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'RA_TLS_UNTRUSTED'],
    ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'RA_TLS_UNTRUSTED'],
    ['CERT_UNTRUSTED', 'RA_TLS_UNTRUSTED'],
    ['INVALID_CA', 'RA_TLS_UNTRUSTED'],
    ['INVALID_PURPOSE', 'RA_TLS_UNTRUSTED'],
    ['EPROTO', 'RA_TLS_FAILED'],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'RA_TLS_FAILED'],
    ['ERR_TLS_INVALID_PROTOCOL_VERSION', 'RA_TLS_FAILED'],
    ['HPE_HEADER_OVERFLOW', 'RA_ANSWER_TOO_LARGE'],
    ['HPE_CHUNK_EXTENSIONS_OVERFLOW', 'RA_ANSWER_TOO_LARGE'],
    ['HPE_INVALID_CONSTANT', 'RA_NOT_HTTP'],
    ['ECONNRESET', 'RA_CONNECTION_LOST'],
    ['EPIPE', 'RA_CONNECTION_LOST'],
    ['EIO', 'RA_NETWORK_FAILED'],
    // Codes of other programs that contain one of these.
    ['XENOTFOUND', 'RA_NETWORK_FAILED'],
    ['ENOTFOUNDX', 'RA_NETWORK_FAILED'],
    ['XECONNREFUSED', 'RA_NETWORK_FAILED'],
    ['ECONNREFUSEDX', 'RA_NETWORK_FAILED'],
    ['XEACCES', 'RA_NETWORK_FAILED'],
    ['EPERMX', 'RA_NETWORK_FAILED'],
    ['XETIMEDOUT', 'RA_NETWORK_FAILED'],
    ['ETIMEDOUTX', 'RA_NETWORK_FAILED'],
    ['XCERT_HAS_EXPIRED', 'RA_NETWORK_FAILED'],
    ['CERT_HAS_EXPIREDX', 'RA_TLS_UNTRUSTED'],
    ['XERR_TLS_CERT_ALTNAME_INVALID', 'RA_NETWORK_FAILED'],
    ['ERR_TLS_CERT_ALTNAME_INVALIDX', 'RA_TLS_FAILED'],
    ['XINVALID_CA', 'RA_NETWORK_FAILED'],
    ['INVALID_CAX', 'RA_NETWORK_FAILED'],
    ['XEPROTO', 'RA_NETWORK_FAILED'],
    ['EPROTOTYPE', 'RA_NETWORK_FAILED'],
    ['XHPE_HEADER_OVERFLOW', 'RA_NETWORK_FAILED'],
    ['HPE_HEADER_OVERFLOWX', 'RA_NOT_HTTP'],
    ['XEPIPE', 'RA_NETWORK_FAILED'],
    ['EPIPEX', 'RA_NETWORK_FAILED'],
  ])('%s is %s', (code, expected) => {
    const error = networkError(failed(code), ROUTE);
    expect(error).toMatchObject({ code: expected, message: 'no answer from https://service.example: it failed' });
  });

  it('names the proxy', () => {
    const { message } = networkError(failed('EPIPE'), { ...ROUTE, proxy: 'http://proxy.example' });
    expect(message).toBe('no answer from https://service.example (HTTPS_PROXY is http://proxy.example): it failed');
  });

  it('with a code of ours is kept', () => {
    const own = new CodedError('OWN', 'happened', 'Do this.');
    expect(networkError(own, ROUTE)).toBe(own);
  });

  it('of every address is what each of them failed with', () => {
    const all = new AggregateError([failed('ECONNREFUSED', 'first'), failed('ENETUNREACH', 'second')], '');
    const error = networkError(all, ROUTE);
    expect(error.code).toBe('RA_CONNECTION_REFUSED');
    expect(error.message).toBe('no answer from https://service.example: first; second');
  });

  it('is what caused it', () => {
    const error = networkError(new Error('fetch failed', { cause: failed('ENOTFOUND', 'no such name') }), ROUTE);
    expect(error.code).toBe('RA_NAME_UNRESOLVED');
    expect(error.message).toBe('no answer from https://service.example: fetch failed; no such name');
  });

  it('that causes itself ends', () => {
    const error = failed('EIO');
    error.cause = error;
    expect(networkError(error, ROUTE).code).toBe('RA_NETWORK_FAILED');
  });

  it('can be anything thrown', () => {
    expect(networkError('text', ROUTE)).toMatchObject({
      code: 'RA_NETWORK_FAILED',
      message: 'no answer from https://service.example: text',
    });
  });
});
