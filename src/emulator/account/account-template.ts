/** The variable parts of a new account.yaml. */
export interface NewAccount {
  readonly accountId: string;
  readonly region: string;
  readonly trustAnchorArn: string;
  readonly profileArn: string;
  readonly roleArn: string;
  /** Common name of the CA that issues the leaves. */
  readonly issuerName: string;
}

/** The text of account.yaml, for users to read and change. */
export function renderAccountFile(account: NewAccount): string {
  return `# The AWS account that \`imds-anywhere emulate\` plays. It exists on this machine only.
# Change it as you like; the emulator reads it when it starts. Every key is in docs/emulator.md.

accountId: '${account.accountId}'
region: ${account.region}

trustAnchors:
  - arn: ${account.trustAnchorArn}
    enabled: true
    # PEM, next to this file; two while a CA is being replaced.
    certificates: root-ca.pem
    # CRL files (PEM or DER). A certificate that is on one is refused: "Certificate revoked".
    revocationLists: []

profiles:
  - arn: ${account.profileArn}
    enabled: true
    roleArns:
      - ${account.roleArn}
    # A session lasts as long as the smaller of this and what the client asks for. 900 to 43200 seconds.
    durationSeconds: 3600
    acceptRoleSessionName: false
    requireInstanceProperties: false
    # Which parts of a certificate become session tags; this is the service's own default.
    attributeMappings:
      x509Subject: ['*']
      x509Issuer: ['*']
      x509SAN: [DNS, URI, Name/*]

roles:
  - arn: ${account.roleArn}
    # Asking for more is an error, unlike the profile's limit.
    maxSessionDuration: 3600
    # What its sessions may do, by name of the policy. Without any, nothing: neither another role nor a service.
    policies: {}
    trustPolicy:
      Version: '2012-10-17'
      Statement:
        - Effect: Allow
          Principal: { Service: rolesanywhere.amazonaws.com }
          # All three: Roles Anywhere assumes the role, tags the session and sets its source identity.
          Action: ['sts:AssumeRole', 'sts:TagSession', 'sts:SetSourceIdentity']
          Condition:
            # Without these, every certificate below every trust anchor of the account could have the role.
            ArnEquals:
              aws:SourceArn: ${account.trustAnchorArn}
            StringEquals:
              aws:SourceAccount: '${account.accountId}'
              aws:PrincipalTag/x509Subject/OU: Devices
              aws:PrincipalTag/x509Issuer/CN: ${account.issuerName}
            StringLike:
              aws:PrincipalTag/x509Subject/CN: device-*
`;
}
