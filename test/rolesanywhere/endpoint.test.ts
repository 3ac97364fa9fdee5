import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CodedError } from '../../src/foundation/errors.ts';
import { type EndpointConfig, sessionsUrl } from '../../src/rolesanywhere/endpoint.ts';

const PLAIN: EndpointConfig = { fips: false, dualStack: false };
const ANCHOR = { partition: 'aws', region: 'eu-central-1' };

function codeOf(config: Partial<EndpointConfig>, anchor = ANCHOR): string {
  try {
    return sessionsUrl({ ...PLAIN, ...config }, anchor).href;
  } catch (error) {
    if (error instanceof CodedError) return error.code;
    throw error;
  }
}

describe('the endpoint of a region', () => {
  // The partition table of the AWS SDKs (partitions.json), written out.
  it.each([
    ['aws', 'us-east-1', 'us-east-1.amazonaws.com', 'us-east-1.api.aws'],
    ['aws-cn', 'cn-north-1', 'cn-north-1.amazonaws.com.cn', 'cn-north-1.api.amazonwebservices.com.cn'],
    ['aws-us-gov', 'us-gov-west-1', 'us-gov-west-1.amazonaws.com', 'us-gov-west-1.api.aws'],
    ['aws-eusc', 'eusc-de-east-1', 'eusc-de-east-1.amazonaws.eu', 'eusc-de-east-1.api.amazonwebservices.eu'],
    ['aws-iso', 'us-iso-east-1', 'us-iso-east-1.c2s.ic.gov', 'us-iso-east-1.api.aws.ic.gov'],
    ['aws-iso-b', 'us-isob-east-1', 'us-isob-east-1.sc2s.sgov.gov', 'us-isob-east-1.api.aws.scloud'],
    ['aws-iso-e', 'eu-isoe-west-1', 'eu-isoe-west-1.cloud.adc-e.uk', 'eu-isoe-west-1.api.cloud-aws.adc-e.uk'],
    ['aws-iso-f', 'us-isof-south-1', 'us-isof-south-1.csp.hci.ic.gov', 'us-isof-south-1.api.aws.hci.ic.gov'],
  ])('in %s is %s', (partition, region, plain, dualStack) => {
    const anchor = { partition, region };
    expect(codeOf({}, anchor)).toBe(`https://rolesanywhere.${plain}/sessions`);
    expect(codeOf({ fips: true }, anchor)).toBe(`https://rolesanywhere-fips.${plain}/sessions`);
    expect(codeOf({ dualStack: true }, anchor)).toBe(`https://rolesanywhere.${dualStack}/sessions`);
    expect(codeOf({ fips: true, dualStack: true }, anchor)).toBe(`https://rolesanywhere-fips.${dualStack}/sessions`);
  });

  it('of an unknown partition is an error, unless one is configured', () => {
    const anchor = { partition: 'aws-moon', region: 'moon-north-1' };
    expect(codeOf({}, anchor)).toBe('PARTITION_UNKNOWN');
    expect(codeOf({ endpoint: 'https://rolesanywhere.moon' }, anchor)).toBe('https://rolesanywhere.moon/sessions');
  });
});

describe('a configured endpoint', () => {
  it.each([
    ['https://gateway.example', 'https://gateway.example/sessions'],
    ['https://gateway.example/', 'https://gateway.example/sessions'],
    ['https://gateway.example:8443/base', 'https://gateway.example:8443/base/sessions'],
    ['https://gateway.example:443//base///deep//', 'https://gateway.example/base/deep/sessions'],
    ['https://gateway.example/a/../b%20c', 'https://gateway.example/b%20c/sessions'],
    ['http://127.0.0.1:8080', 'http://127.0.0.1:8080/sessions'],
    ['http://127.8.9.1:8080', 'http://127.8.9.1:8080/sessions'],
    ['http://localhost:8080', 'http://localhost:8080/sessions'],
    ['http://[::1]:8080', 'http://[::1]:8080/sessions'],
  ])('%s', (endpoint, expected) => {
    expect(codeOf({ endpoint })).toBe(expected);
  });

  it.each([
    ['http://10.0.0.1:8080', 'ENDPOINT_INSECURE'],
    ['http://localhost.example', 'ENDPOINT_INSECURE'],
    ['http://127.0.0.1.example', 'ENDPOINT_INSECURE'],
    ['http://0.0.0.0:1', 'ENDPOINT_INSECURE'],
    ['', 'ENDPOINT_MALFORMED'],
    ['gateway.example', 'ENDPOINT_MALFORMED'],
    ['ftp://gateway.example', 'ENDPOINT_MALFORMED'],
    ['https://user:hunter2@gateway.example', 'ENDPOINT_MALFORMED'],
    ['https://gateway.example/?a=b', 'ENDPOINT_MALFORMED'],
    ['https://gateway.example/?', 'ENDPOINT_MALFORMED'],
    ['https://gateway.example/#top', 'ENDPOINT_MALFORMED'],
  ])('is rejected: %s', (endpoint, code) => {
    expect(codeOf({ endpoint })).toBe(code);
  });

  it('conflicts with fips and dualStack', () => {
    expect(codeOf({ endpoint: 'https://gateway.example', fips: true })).toBe('ENDPOINT_CONTRADICTORY');
    expect(codeOf({ endpoint: 'https://gateway.example', dualStack: true })).toBe('ENDPOINT_CONTRADICTORY');
  });

  it('never shows its password', () => {
    for (const endpoint of [
      'https://user:hunter2@gateway.example',
      'https://user:hunter2@:bad:port',
      '//user:hunter2@x',
    ])
      expect(() => sessionsUrl({ ...PLAIN, endpoint }, ANCHOR)).not.toThrow('hunter2');
  });

  it('yields a URL for https or http to loopback, or a code, for any input', () => {
    const endpoint = fc.oneof(fc.string({ unit: 'binary' }), fc.webUrl(), fc.webUrl({ withQueryParameters: true }));
    fc.assert(
      fc.property(endpoint, (text) => {
        expect(codeOf({ endpoint: text })).toMatch(
          /^ENDPOINT_|^https:.*\/sessions$|^http:\/\/(localhost|127\.|\[::1\]).*\/sessions$/,
        );
      }),
    );
  });
});
