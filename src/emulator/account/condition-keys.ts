import * as v from 'valibot';
import { conditionKeysOf, type PolicyDocument } from '../../iam/policy-document.ts';

/** Lower case. Requests have these keys, or it is certain that no request of a role session has them. */
const KNOWN = new Set(
  [
    'aws:CurrentTime aws:EpochTime aws:PrincipalAccount aws:PrincipalArn aws:PrincipalIsAWSService aws:PrincipalType',
    'aws:RequestedRegion aws:ResourceAccount aws:SecureTransport aws:SourceAccount aws:SourceArn aws:SourceIdentity',
    'aws:SourceIp aws:TagKeys aws:TokenIssueTime aws:UserAgent aws:userid aws:ViaAWSService',
    'sts:ExternalId sts:RoleSessionName sts:SourceIdentity sts:TransitiveTagKeys',
    's3:authType s3:delimiter s3:max-keys s3:prefix s3:signatureversion s3:VersionId s3:x-amz-acl',
    's3:x-amz-content-sha256 s3:x-amz-copy-source s3:x-amz-server-side-encryption s3:x-amz-storage-class',
    'secretsmanager:Name secretsmanager:SecretId secretsmanager:VersionStage ssm:Overwrite ssm:Recursive',
    // Absent: no user, no MFA, no identity provider, no endpoint of a VPC, no call in between.
    'aws:CalledVia aws:CalledViaFirst aws:CalledViaLast aws:FederatedProvider aws:MultiFactorAuthAge',
    'aws:MultiFactorAuthPresent aws:SourceVpc aws:SourceVpce aws:username aws:VpcSourceIp',
  ]
    .join(' ')
    .toLowerCase()
    .split(' '),
);
/** Resources other than roles have no tags here. */
const TAG = /^(?:aws:(?:principal|request)tag|iam:resourcetag)\//;

/** The keys of a document that the emulator never gives a request, although AWS may. */
export function unknownKeys(document: PolicyDocument): string[] {
  return conditionKeysOf(document).filter((key) => !KNOWN.has(key.toLowerCase()) && !TAG.test(key.toLowerCase()));
}

/** Rejects documents with such keys: as absent keys, they could grant or deny what AWS does not. */
export function evaluable(schema: v.GenericSchema<unknown, PolicyDocument>): v.GenericSchema<unknown, PolicyDocument> {
  return v.pipe(
    schema,
    v.rawCheck(({ dataset, addIssue }) => {
      for (const key of dataset.typed ? unknownKeys(dataset.value) : [])
        addIssue({ message: `has the condition key ${key}, which requests do not have in the emulator` });
    }),
  );
}
