import { errorFactory } from '../foundation/errors.ts';

export const rolesAnywhereErrors = {
  // What the configuration names
  ARN_MALFORMED: 'Copy the ARN from the console or from `aws rolesanywhere list-…`; all three parts are shown there.',
  ARN_WRONG_KIND: 'Put each ARN at its own key: trustAnchorArn, profileArn and roleArn are three different resources.',
  ARN_ID_NOT_UUID:
    'Copy the whole ARN: it ends in an identifier, not in a name. `aws rolesanywhere list-profiles` and `list-trust-anchors` show it.',
  ARN_PARTITIONS_DIFFER: 'Trust anchor, profile and role must be in one partition, as in arn:aws or arn:aws-cn.',
  ARN_ACCOUNTS_DIFFER:
    'Trust anchor, profile and role must be in one account. To work in another one, assume a role there from this one.',
  ARN_REGIONS_DIFFER:
    'Use a profile in the region of the trust anchor, or a trust anchor in the region of the profile.',
  PARTITION_UNKNOWN: 'Check the ARN; for a partition this version does not know set rolesAnywhere.endpoint.',
  ENDPOINT_MALFORMED:
    'Give scheme, host, optionally port and base path, such as https://vpce-0123.rolesanywhere.eu-central-1.vpce.amazonaws.com.',
  ENDPOINT_INSECURE:
    'Use https: the answer carries the credentials. Plain http is accepted for localhost, 127.0.0.0/8 and [::1] only.',
  ENDPOINT_CONTRADICTORY:
    'Either set rolesAnywhere.endpoint, or fips and dualStack, which choose among the own endpoints of AWS.',
  ENDPOINT_REGION_DIFFERS:
    'Use the endpoint of the region in the trust anchor ARN, or leave rolesAnywhere.endpoint out: then the region decides.',
  CA_BUNDLE_UNREADABLE:
    'Check the path in rolesAnywhere.caBundle (or SSL_CERT_FILE, SSL_CERT_DIR) and that the user the daemon runs as may read it.',
  CA_BUNDLE_EMPTY:
    'rolesAnywhere.caBundle (--ca-bundle, SSL_CERT_FILE) must be a PEM file with at least one CERTIFICATE block, and only whole ones.',
  PROXY_SOCKS_UNSUPPORTED:
    'Set HTTPS_PROXY to an http or https proxy. Where only SOCKS leads out, run an HTTP proxy in front of it, such as privoxy with `forward-socks5`.',
  PROXY_MALFORMED: 'Set HTTPS_PROXY to a URL such as http://proxy.example:3128, or unset it.',

  // On the way
  RA_NAME_UNRESOLVED:
    'Check DNS, the region in the trust anchor ARN, and fips or dualStack: not every region has those endpoints. Behind a proxy set HTTPS_PROXY.',
  RA_CONNECTION_REFUSED: 'Nothing listens at that address: check rolesAnywhere.endpoint, HTTPS_PROXY and firewalls.',
  RA_UNREACHABLE: 'There is no route: check the network, firewalls and, for dualStack, that IPv6 works.',
  RA_CONNECT_TIMEOUT:
    'Check firewalls and security groups for port 443. If only a proxy gets out, set HTTPS_PROXY. If one is set, check that it answers CONNECT.',
  RA_DEADLINE_EXCEEDED:
    'The connection stands but no whole answer came in time: look at proxies and at the AWS health dashboard.',
  RA_CONNECTION_LOST:
    'The other side hung up; it is tried again by itself. If it lasts, look at proxies and firewalls between.',
  RA_TLS_UNTRUSTED:
    'A proxy that opens TLS, or a private endpoint, has a CA of its own: put its PEM into rolesAnywhere.caBundle. A bundle replaces the built-in CAs.',
  RA_TLS_DATES:
    'Check the clock of this machine first (NTP); otherwise the certificate of the endpoint or proxy has to be renewed.',
  RA_TLS_WRONG_NAME:
    'The certificate is for another host: check rolesAnywhere.endpoint and what stands between (proxy, VPC endpoint name).',
  RA_TLS_FAILED:
    'Check that the endpoint speaks TLS 1.2 or later on this port, and that http and https are not mixed up.',
  RA_PROXY_REFUSED:
    'The proxy must allow CONNECT to this host and port 443; give credentials in HTTPS_PROXY if it wants any, or add the host to NO_PROXY.',
  RA_NOT_HTTP: 'Check host and port of rolesAnywhere.endpoint: what listens there does not speak HTTP.',
  RA_NETWORK_FAILED: 'It is tried again by itself; the cause in the log says more.',
  RA_CANCELLED: 'Nothing to do: the daemon is stopping.',
  RA_ANSWER_TOO_LARGE:
    'That is no CreateSession answer: check rolesAnywhere.endpoint and what stands between (proxy, captive portal).',

  // Refusals
  RA_CLOCK_OFF:
    'Set the clock of this machine (timedatectl, chronyc tracking): signatures are valid for a few minutes only.',
  RA_UNTRUSTED_SIGNING_CERTIFICATE:
    'The certificate does not lead to the trust anchor: check that trustAnchorArn holds the CA that issued it, and add missing intermediates to identity.intermediates.',
  RA_INSUFFICIENT_CERTIFICATE:
    'Issue the certificate anew as X.509 v3 with keyUsage digitalSignature, without CA:TRUE, signed with SHA-256 or stronger.',
  RA_CERTIFICATE_REVOKED:
    'The serial number is on a CRL imported for the trust anchor: issue a new certificate, or correct the CRL.',
  RA_INVALID_SIGNATURE:
    'Check the clock of this machine (NTP), that nothing on the way rewrites requests, and that certificate and key belong together.',
  RA_TRUST_ANCHOR_NOT_FOUND: 'Check trustAnchorArn: account, region and id; it may have been deleted or disabled.',
  RA_PROFILE_INVALID: 'Check profileArn: account, region and id; it may have been deleted or disabled.',
  RA_ROLE_NOT_ON_PROFILE:
    'Add the role to the profile (aws rolesanywhere update-profile --role-arns …), or use a profile that lists it.',
  RA_SESSION_NAME_REFUSED: 'Turn on acceptRoleSessionName on the profile, or remove roleSessionName.',
  RA_DURATION_EXCEEDS_ROLE:
    "Raise the role's MaxSessionDuration (default 3600), or lower sessionDuration here or on the profile.",
  RA_ATTRIBUTES_NOT_MAPPED:
    'A value in the certificate has characters that session tags do not allow, such as * or parentheses: remove that attribute mapping from the profile, or issue a certificate without it.',
  RA_CANNOT_ASSUME_ROLE:
    "Check the role's trust policy: it must allow rolesanywhere.amazonaws.com all of sts:AssumeRole, sts:TagSession and sts:SetSourceIdentity; its conditions (aws:SourceArn is the trust anchor, aws:PrincipalTag/x509Subject/…) must fit this certificate; and the role must exist.",
  RA_VALIDATION:
    'A value is out of range: check sessionDuration (900 to 43200) and roleSessionName (2 to 64 characters).',
  RA_NOT_FOUND: 'Check rolesAnywhere.endpoint and its base path; AWS itself has no such answer for CreateSession.',
  RA_REFUSED:
    'Read what the service says. Known reasons without a wording of their own: certificate expired, trust anchor or profile disabled, VPC endpoint policy, a proxy that refuses.',
  RA_REDIRECTED:
    'Redirects are not followed with signed requests: set rolesAnywhere.endpoint to the final address, or get past the captive portal.',
  RA_THROTTLED:
    'The account used up its 10 CreateSession calls a second in this region; calls are spread out by themselves. For large fleets ask AWS for a higher quota.',
  RA_UNAVAILABLE: 'The service or a proxy has a bad moment; it is tried again by itself.',
  RA_UNEXPECTED_STATUS: 'That is no answer of Roles Anywhere: check rolesAnywhere.endpoint and what stands between.',

  // Answers of success that cannot be used
  RA_ANSWER_NOT_JSON:
    'Check rolesAnywhere.endpoint and what stands between: something answers in place of the service.',
  RA_ANSWER_INCOMPLETE: 'Check rolesAnywhere.endpoint: what answers there is not, or not like, Roles Anywhere.',
  RA_ANSWER_EXPIRED: 'Check the clock of this machine (NTP): the session was over before it arrived.',
  RA_ANSWER_TOO_LONG: 'Check the clock of this machine (NTP): no role session lasts longer than 12 hours.',
} as const;

export type RolesAnywhereErrorCode = keyof typeof rolesAnywhereErrors;

export const rolesAnywhereError = errorFactory(rolesAnywhereErrors);
