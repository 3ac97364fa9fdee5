import { expect, it } from 'vitest';
import { asCodedError } from '../../src/foundation/errors.ts';
import type { StsPlace } from '../../src/sts/assumed-role.ts';
import { stsUrl } from '../../src/sts/endpoint.ts';

// The endpoints of regions are in the vectors.
const PLACE: StsPlace = { partition: 'aws', region: 'eu-central-1', fips: false, dualStack: false };

it.each<[Partial<StsPlace>, string]>([
  [{ endpoint: 'http://127.0.0.1:8080' }, 'http://127.0.0.1:8080/'],
  [{ endpoint: 'https://gateway.example/sts/' }, 'https://gateway.example/sts'],
  [{ endpoint: 'https://sts.eu-central-1.amazonaws.com' }, 'https://sts.eu-central-1.amazonaws.com/'],
  [{ endpoint: 'https://vpce-1.sts.us-east-1.vpce.amazonaws.com' }, 'ENDPOINT_REGION_DIFFERS'],
  [{ endpoint: 'https://sts.us-east-1.amazonaws.com' }, 'ENDPOINT_REGION_DIFFERS'],
  // The global name is signed for us-east-1 only.
  [{ endpoint: 'https://sts.amazonaws.com' }, 'ENDPOINT_REGION_DIFFERS'],
  [{ endpoint: 'https://sts.amazonaws.com', region: 'us-east-1' }, 'https://sts.amazonaws.com/'],
  [{ endpoint: 'https://rolesanywhere.eu-central-1.amazonaws.com' }, 'ENDPOINT_OTHER_SERVICE'],
  [{ endpoint: 'https://vpce-1.rolesanywhere.eu-central-1.vpce.amazonaws.com' }, 'ENDPOINT_OTHER_SERVICE'],
  [{ region: 'cn-north-1' }, 'ENDPOINT_REGION_DIFFERS'],
  [{ region: 'us-gov-west-1' }, 'ENDPOINT_REGION_DIFFERS'],
  [{ region: 'us-iso-east-1' }, 'ENDPOINT_REGION_DIFFERS'],
  [{ partition: 'aws-cn' }, 'ENDPOINT_REGION_DIFFERS'],
  [{ region: 'cn-north-1', endpoint: 'https://sts.cn-north-1.amazonaws.com.cn' }, 'ENDPOINT_REGION_DIFFERS'],
  [{ endpoint: 'http://sts.example' }, 'ENDPOINT_INSECURE'],
  [{ endpoint: 'ftp://sts.example' }, 'ENDPOINT_MALFORMED'],
  [{ endpoint: 'https://sts.example', fips: true }, 'ENDPOINT_CONTRADICTORY'],
  [{ endpoint: 'https://sts.example', dualStack: true }, 'ENDPOINT_CONTRADICTORY'],
  [{ partition: 'aws-moon' }, 'PARTITION_UNKNOWN'],
])('%j is %s', (change, expected) => {
  try {
    expect(stsUrl({ ...PLACE, ...change }).href).toBe(expected);
  } catch (error) {
    expect(asCodedError(error).code).toBe(expected);
  }
});
