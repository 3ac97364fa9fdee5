/** One thing that IAM has to allow for a call. */
export interface Permission {
  /** `s3:GetObject` */
  readonly action: string;
  /** An ARN, or `*` for actions without a resource type. */
  readonly resource: string;
  /** Another spelling that AWS uses for the same resource: a policy that matches either grants. */
  readonly otherResource?: string;
  /** What a denial prints instead of the resource; empty if it prints none. */
  readonly shown?: string;
  /** Condition keys of the service. */
  readonly keys?: Readonly<Record<string, string>>;
  /** True if the table has no row for the operation, and `*` stands for its resource. */
  readonly guessed?: true;
}

/** A call to a service, and all that it needs. */
export interface NeededPermissions {
  /** As in CloudTrail: `PutObject`. */
  readonly eventName: string;
  readonly permissions: readonly Permission[];
}

/** Where the call goes to. */
export interface Place {
  readonly partition: string;
  readonly region: string;
  readonly accountId: string;
}

/** `arn:aws:sqs:eu-west-1:111122223333:jobs` */
export function arnOf(place: Place, service: string, resource: string): string {
  return `arn:${place.partition}:${service}:${place.region}:${place.accountId}:${resource}`;
}

/** Input of a JSON operation. Nothing about it is certain. */
export type Input = Readonly<Record<string, unknown>>;

/** Asks the backend for what an identifier stands for; undefined if the backend does not know it. */
export type AskBackend = (operation: string, input: Input) => Promise<Input | undefined>;

export function textAt(input: Input, name: string): string | undefined {
  const value = input[name];
  return typeof value === 'string' ? value : undefined;
}

export function textsAt(input: Input, name: string): string[] {
  const value = input[name];
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : [];
}

export function inputsAt(input: Input, name: string): Input[] {
  const value = input[name];
  return Array.isArray(value) ? value.map(inputOf).filter((item) => item !== undefined) : [];
}

/** Of a text in JSON. */
export function inputIn(text: string): Input | undefined {
  try {
    return inputOf(JSON.parse(text));
  } catch {
    return undefined;
  }
}

export function inputOf(value: unknown): Input | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Input) : undefined;
}
