import { errorFactory } from '../foundation/errors.ts';

export const rolesAnywhereErrors = {
  // Configuration
  ARN_MALFORMED:
    'Copy the ARN from the console or from `aws rolesanywhere list-…`; all three ARNs are shown there. For a configuration of `init`, run its set-arns.sh.',
  ARN_WRONG_KIND: 'Put each ARN at its own key: trustAnchorArn, profileArn and roleArn are three different resources.',
  ARN_ID_NOT_UUID:
    'Copy the whole ARN, which ends in an identifier and not in a name. `aws rolesanywhere list-profiles` and `list-trust-anchors` print it.',
  ARN_PARTITIONS_DIFFER: 'Use a trust anchor, profile and role in the same partition, such as arn:aws or arn:aws-cn.',
  ARN_ACCOUNTS_DIFFER:
    'Use a trust anchor, profile and role in the same account. To work in another account, assume a role there with this one.',
  ARN_REGIONS_DIFFER:
    'Use a profile in the region of the trust anchor, or a trust anchor in the region of the profile.',
  PARTITION_UNKNOWN: 'Check the ARN. For a partition that this version does not know, set rolesAnywhere.endpoint.',
  ENDPOINT_MALFORMED:
    'Give a scheme and a host, with an optional port and base path, such as https://vpce-0123.rolesanywhere.eu-central-1.vpce.amazonaws.com.',
  ENDPOINT_INSECURE:
    'Use https, because the response contains credentials. Plain http is accepted only for localhost, 127.0.0.0/8 and [::1].',
  ENDPOINT_CONTRADICTORY: 'Set either endpoint, or fips and dualStack, which select among the AWS endpoints.',
  ENDPOINT_REGION_DIFFERS:
    'Set the endpoint of the region in the trust anchor ARN, for single roles as roles[].endpoint, or remove it to use that region.',
  ENDPOINT_OTHER_SERVICE:
    'Set the endpoint of Roles Anywhere at `endpoint`, and that of STS at `assume.endpoint`. Or remove it to use that of the region.',
  CA_BUNDLE_UNREADABLE:
    'Check the path in rolesAnywhere.caBundle (or SSL_CERT_FILE, SSL_CERT_DIR) and let the user of the daemon read it.',
  CA_BUNDLE_EMPTY:
    'Set rolesAnywhere.caBundle (--ca-bundle, SSL_CERT_FILE) to a PEM file with at least one CERTIFICATE block and no incomplete ones.',
  PROXY_SOCKS_UNSUPPORTED:
    'Set HTTPS_PROXY to an http or https proxy. If only SOCKS is available, run an HTTP proxy in front of it, such as privoxy with `forward-socks5`.',
  PROXY_MALFORMED: 'Set HTTPS_PROXY to a URL such as http://proxy.example:3128, or unset it.',

  // Network
  RA_NAME_UNRESOLVED:
    'Check DNS for the name in the message. If it is that of the proxy, correct HTTPS_PROXY. Otherwise check the region in the trust anchor ARN, and fips or dualStack, which not every region has. If this network needs a proxy, set HTTPS_PROXY.',
  RA_CONNECTION_REFUSED: 'Check rolesAnywhere.endpoint, HTTPS_PROXY and firewalls: nothing listens at that address.',
  RA_UNREACHABLE: 'Check the network, firewalls and, for dualStack, that IPv6 works: there is no route.',
  RA_CONNECT_TIMEOUT:
    'Check firewalls and security groups for port 443. If this network needs a proxy, set HTTPS_PROXY. If it is set, check that the proxy answers CONNECT.',
  RA_DEADLINE_EXCEEDED:
    'Check proxies and the AWS Health Dashboard: the connection was made, but no complete response arrived in time.',
  RA_CONNECTION_LOST:
    'The peer closed the connection. The daemon tries again automatically. If it persists, check the proxies and firewalls on the way.',
  RA_TLS_UNTRUSTED:
    'If a proxy inspects TLS, or the endpoint is private, put the PEM of its CA into rolesAnywhere.caBundle. A bundle replaces the built-in CAs.',
  RA_TLS_DATES:
    'Check the clock of this machine first (NTP). If it is right, renew the certificate of the endpoint or proxy.',
  RA_TLS_WRONG_NAME:
    'Check rolesAnywhere.endpoint, the proxy and the VPC endpoint name: the certificate is for another host.',
  RA_TLS_FAILED:
    'Check that the endpoint speaks TLS 1.2 or later on this port, and that the URL does not confuse http and https.',
  RA_PROXY_REFUSED:
    'Let the proxy allow CONNECT to this host and port 443, put its credentials into HTTPS_PROXY, or add the host to NO_PROXY.',
  RA_NOT_HTTP: 'Check the host and port of rolesAnywhere.endpoint: the server there does not speak HTTP.',
  RA_NETWORK_FAILED: 'Read the cause in the message. The daemon tries again automatically.',
  RA_CANCELLED: 'Nothing to do: the daemon is stopping.',
  RA_ANSWER_TOO_LARGE:
    'Check rolesAnywhere.endpoint, and for a proxy or captive portal on the way: this is not a CreateSession response.',

  // Refusals
  RA_CLOCK_OFF:
    'Set the clock of this machine (timedatectl, chronyc tracking): signatures are valid only for a few minutes.',
  RA_UNTRUSTED_SIGNING_CERTIFICATE:
    'Check that the trust anchor in trustAnchorArn has the CA that issued the certificate, and add missing intermediates to identity.intermediates.',
  RA_INSUFFICIENT_CERTIFICATE:
    'Issue the certificate again as X.509 v3 with keyUsage digitalSignature, without CA:TRUE, signed with SHA-256 or stronger.',
  RA_CERTIFICATE_REVOKED:
    'Issue a new certificate, or correct the CRL: the CRL of the trust anchor lists this serial number.',
  RA_INVALID_SIGNATURE:
    'Check the clock of this machine (NTP), that no proxy rewrites requests, and that the key belongs to the certificate.',
  RA_TRUST_ANCHOR_NOT_FOUND:
    'Check the account, region and id in trustAnchorArn, and that the trust anchor exists and is enabled.',
  RA_PROFILE_INVALID: 'Check the account, region and id in profileArn, and that the profile exists and is enabled.',
  RA_ROLE_NOT_ON_PROFILE:
    'Add the role to the profile (aws rolesanywhere update-profile --role-arns …), or use a profile that lists it.',
  RA_SESSION_NAME_REFUSED: 'Turn on acceptRoleSessionName on the profile, or remove roleSessionName.',
  RA_DURATION_EXCEEDS_ROLE:
    "Raise the role's MaxSessionDuration (default 3600), or lower sessionDuration here or on the profile.",
  RA_ATTRIBUTES_NOT_MAPPED:
    'Remove that attribute mapping from the profile, or issue a certificate without the value: session tags do not allow some of its characters, such as * or parentheses. `imds-anywhere policy show CERTIFICATE` prints the commands.',
  RA_CANNOT_ASSUME_ROLE:
    'Check that the role exists and its trust policy allows rolesanywhere.amazonaws.com all of sts:AssumeRole, sts:TagSession and sts:SetSourceIdentity. Check its conditions too: aws:SourceArn is the trust anchor, and aws:PrincipalTag/x509Subject/… must match this certificate. `imds-anywhere policy test --config FILE --trust-policy trust.json` shows which one does not.',
  RA_VALIDATION:
    'Check sessionDuration (900 to 43200) and roleSessionName (2 to 64 characters): a value is out of range.',
  RA_NOT_FOUND: 'Check rolesAnywhere.endpoint and its base path: AWS itself never answers CreateSession like this.',
  RA_REFUSED:
    'Read the message of the service. It may mean an expired certificate, a disabled trust anchor or profile, a VPC endpoint policy, or a proxy that refuses. `imds-anywhere doctor FILE` rules some of them out.',
  RA_REDIRECTED:
    'Set rolesAnywhere.endpoint to the final address, or sign in to the captive portal. Signed requests do not follow redirects.',
  RA_THROTTLED:
    'The account reached its 10 CreateSession calls per second in this region. The daemon tries again automatically, at spread times. For large fleets, ask AWS for a higher quota.',
  RA_UNAVAILABLE:
    'Temporary failure of the service or a proxy. The daemon tries again automatically; run a command again.',
  RA_UNEXPECTED_STATUS:
    'Check rolesAnywhere.endpoint and any proxy on the way: this is not a response of Roles Anywhere.',

  // Unusable answers of success
  RA_ANSWER_NOT_JSON:
    'Check rolesAnywhere.endpoint and any proxy on the way: another server answers in place of the service.',
  RA_ANSWER_INCOMPLETE: 'Check rolesAnywhere.endpoint: the server there does not answer like Roles Anywhere.',
  RA_ANSWER_EXPIRED: 'Check the clock of this machine (NTP): the session had expired before it arrived.',
  RA_ANSWER_TOO_LONG: 'Check the clock of this machine (NTP): no role session lasts longer than 12 hours.',
} as const;

export type RolesAnywhereErrorCode = keyof typeof rolesAnywhereErrors;

export const rolesAnywhereError = errorFactory(rolesAnywhereErrors);
