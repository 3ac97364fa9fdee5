import { BOTOCORE } from './clients.ts';
import type { Rule } from './finding.ts';

/** What is set and empty counts as unset, except to botocore, which takes it at its word: as Compose files and CI systems set it. */
export const emptyVariables: Rule = ({ environment }) => {
  // botocore's configprovider.py takes the first profile that is set.
  const profile = ['AWS_DEFAULT_PROFILE', 'AWS_PROFILE'].find((name) => environment[name] !== undefined) ?? '';
  const names = [profile, ...TAKEN_EMPTY].filter((name) => environment[name] === '');
  if (names.length === 0) return [];
  return [
    {
      code: 'ENV_EMPTY_VARIABLE',
      what: `${names.join(', ')} ${names.length === 1 ? 'is' : 'are'} set, and empty`,
      hurts: [{ clients: BOTOCORE, how: 'end with an error' }],
      mend: { do: 'unset', names },
    },
  ];
};

const TAKEN_EMPTY = [
  'AWS_CONTAINER_CREDENTIALS_RELATIVE_URI',
  'AWS_CONTAINER_CREDENTIALS_FULL_URI',
  'AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE',
] as const;
