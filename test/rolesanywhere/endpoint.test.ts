import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CodedError } from '../../src/foundation/errors.ts';
import {
  type EndpointConfig,
  endpointOf,
  isRegionOf,
  overriddenUrl,
  sessionsUrl,
} from '../../src/rolesanywhere/endpoint.ts';

const PLAIN: EndpointConfig = { fips: false, dualStack: false };
const ANCHOR = { partition: 'aws', region: 'eu-central-1' };

const PARTITION_OF: Readonly<Record<string, string>> = {
  'eu-central-1': 'aws',
  'cn-north-1': 'aws-cn',
  'us-gov-east-1': 'aws-us-gov',
  'us-isob-west-1': 'aws-iso-b',
  'ap-cn-1': 'aws',
};

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
    expect(isRegionOf(partition, region)).toBe(true);
    for (const other of ['eu-central-1', 'cn-north-1', 'us-gov-east-1', 'us-isob-west-1', 'ap-cn-1'])
      expect(isRegionOf(partition, other), other).toBe(PARTITION_OF[other] === partition);
    expect(isRegionOf('aws-moon', region)).toBe(true);
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
    ['https://sts.example', 'https://sts.example/sessions'],
    ['https://mysts.amazonaws.com', 'https://mysts.amazonaws.com/sessions'],
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
    ['https://user@gateway.example', 'ENDPOINT_MALFORMED'],
    ['https://:hunter2@gateway.example', 'ENDPOINT_MALFORMED'],
    ['https://gateway.example/?a=b', 'ENDPOINT_MALFORMED'],
    ['https://gateway.example/?', 'ENDPOINT_MALFORMED'],
    ['https://gateway.example/#top', 'ENDPOINT_MALFORMED'],
  ])('is rejected: %s', (endpoint, code) => {
    expect(codeOf({ endpoint })).toBe(code);
  });

  it.each([
    'sts.amazonaws.com',
    'sts.eu-central-1.amazonaws.com',
    'sts.cn-north-1.amazonaws.com.cn',
    'sts-fips.us-east-1.amazonaws.com',
    'vpce-0123-4567.sts.eu-central-1.vpce.amazonaws.com',
  ])('is rejected if it is one of STS: %s', (host) => {
    expect(codeOf({ endpoint: `https://${host}` })).toBe('ENDPOINT_OTHER_SERVICE');
  });

  it.each([
    ['rolesanywhere.us-east-1.amazonaws.com', 'us-east-1'],
    ['rolesanywhere-fips.us-gov-west-1.amazonaws.com', 'us-gov-west-1'],
    ['rolesanywhere.ap-southeast-12.api.aws', 'ap-southeast-12'],
    ['rolesanywhere.us-iso-east-1.c2s.ic.gov', 'us-iso-east-1'],
    ['rolesanywhere.us-isob-east-1.sc2s.sgov.gov', 'us-isob-east-1'],
    ['rolesanywhere.eu-isoe-west-1.cloud.adc-e.uk', 'eu-isoe-west-1'],
    ['rolesanywhere.us-isof-south-1.csp.hci.ic.gov', 'us-isof-south-1'],
    ['vpce-0123-4567.rolesanywhere.eu-west-1.vpce.amazonaws.com', 'eu-west-1'],
  ])('is in the region of the trust anchor: %s', (host, region) => {
    const endpoint = `https://${host}`;
    expect(codeOf({ endpoint }, { partition: 'aws', region })).toBe(`https://${host}/sessions`);
    expect(codeOf({ endpoint }, { partition: 'aws', region: `${region}0` })).toBe('ENDPOINT_REGION_DIFFERS');
  });

  it.each([
    'myrolesanywhere.us-east-1.amazonaws.com',
    'rolesanywhere.us-east-1.example',
    'rolesanywhere.internal.amazonaws.example',
    'rolesanywhere.u-east-1.api.example',
  ])('may have a name without a region: %s', (host) => {
    expect(codeOf({ endpoint: `https://${host}` })).toBe(`https://${host}/sessions`);
  });

  it('may be the URL of an operation without a path', () => {
    expect(overriddenUrl('https://gateway.example', '').href).toBe('https://gateway.example/');
    expect(overriddenUrl('https://gateway.example/base/', '').href).toBe('https://gateway.example/base');
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

describe('the endpoint of a role', () => {
  const shared: EndpointConfig = { endpoint: 'https://gateway.example', fips: false, dualStack: true };

  it('is the shared one, with the settings that the role has itself', () => {
    expect(endpointOf(shared, {})).toEqual(shared);
    expect(endpointOf(shared, { fips: true })).toEqual({ ...shared, fips: true });
    expect(endpointOf(shared, { dualStack: false })).toEqual({ ...shared, dualStack: false });
    expect(endpointOf({ fips: true, dualStack: false }, { fips: false, dualStack: true })).toEqual({
      fips: false,
      dualStack: true,
    });
  });

  it('is its own one, and then no shared setting counts', () => {
    const endpoint = 'https://other.example';
    expect(endpointOf({ fips: true, dualStack: true }, { endpoint })).toEqual({ endpoint, ...PLAIN });
    const contradictory = { endpoint, fips: true, dualStack: true };
    expect(endpointOf(shared, contradictory)).toEqual(contradictory);
  });
});
