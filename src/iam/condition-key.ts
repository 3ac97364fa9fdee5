// IAM User Guide, "AWS global condition context keys"; Service Authorization Reference of STS.

/** In lower case, because the names of keys are case-insensitive. */
const GLOBAL_KEYS = new Set(
  (
    'calledvia calledviafirst calledvialast currenttime ec2instancesourceprivateipv4 ec2instancesourcevpc epochtime ' +
    'federatedprovider multifactorauthage multifactorauthpresent principalaccount principalarn principalisawsservice ' +
    'principalorgid principalorgpaths principalservicename principalservicenameslist principaltype referer ' +
    'requestedregion resourceaccount resourceorgid resourceorgpaths securetransport sourceaccount sourcearn ' +
    'sourceidentity sourceip sourceorgid sourceorgpaths sourcevpc sourcevpcarn sourcevpce tagkeys tokenissuetime ' +
    'useragent userid username viaawsservice vpcsourceip'
  )
    .split(' ')
    .map((name) => `aws:${name}`),
);
const STS_KEYS = new Set(
  ['externalid', 'rolesessionname', 'sourceidentity', 'transitivetagkeys', 'requestcontextproviders'].map(
    (name) => `sts:${name}`,
  ),
);
/** Tag keys stand for any tag. */
const TAG_KEY = /^(?:aws:(?:principal|request|resource)tag|iam:resourcetag|sts:requestcontext)\/.+$/;
const OF_A_SERVICE = /^(?!aws:|sts:|iam:)[a-z0-9-]+:[a-z0-9-]+(?:\/.+)?$/;

/** "Multivalued context keys require a condition set operator." */
const MULTIVALUED_KEYS = new Set([
  'aws:calledvia',
  'aws:principalorgpaths',
  'aws:principalservicenameslist',
  'aws:resourceorgpaths',
  'aws:sourceorgpaths',
  'aws:tagkeys',
  'dynamodb:attributes',
  'dynamodb:leadingkeys',
  'sts:requestcontextproviders',
  'sts:transitivetagkeys',
]);

/** Whether the name is a condition key of IAM or STS, or has the form of another service's key. */
export function isConditionKey(key: string): boolean {
  const name = key.toLowerCase();
  return GLOBAL_KEYS.has(name) || STS_KEYS.has(name) || TAG_KEY.test(name) || OF_A_SERVICE.test(name);
}

export function isMultivaluedKey(key: string): boolean {
  return MULTIVALUED_KEYS.has(key.toLowerCase());
}
