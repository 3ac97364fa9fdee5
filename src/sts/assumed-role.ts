/** The second role, and how to assume it. */
export interface AssumedRole {
  readonly roleArn: string;
  /** Seconds, 900 to 3600: the limit of AWS for chained sessions. */
  readonly sessionDuration: number;
  /** Absent: the session name of the first hop. */
  readonly roleSessionName?: string;
  readonly externalId?: string;
  /** JSON of the session policy. */
  readonly policy?: string;
  readonly policyArns: readonly string[];
  readonly tags: Readonly<Record<string, string>>;
  readonly transitiveTagKeys: readonly string[];
  /** Where STS is. Its partition is the role's. */
  readonly sts: Omit<StsPlace, 'partition'>;
}

/** Where a role calls STS. */
export interface StsPlace {
  /** Base URL instead of the region's own. May have a path. */
  readonly endpoint?: string;
  readonly partition: string;
  /** The region of the endpoint and of the signature. */
  readonly region: string;
  readonly fips: boolean;
  readonly dualStack: boolean;
}

/** A session policy: its JSON, or a file with it. */
export type PolicySource =
  { readonly from: 'text'; readonly text: string } | { readonly from: 'file'; readonly path: string };
