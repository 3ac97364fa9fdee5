/**
 * What calls of the JSON services need. The action is the operation, except in the rows below; the
 * resource comes from the input. Source: Service Authorization Reference, and denials seen at AWS.
 */
import {
  arnOf,
  type AskBackend,
  type Input,
  inputOf,
  inputsAt,
  type NeededPermissions,
  type Permission,
  type Place,
  textAt,
  textsAt,
} from './permission.ts';

export interface JsonCall {
  /** The signing name: `secretsmanager`. */
  readonly service: string;
  readonly operation: string;
  readonly input: Input;
  readonly place: Place;
  readonly ask: AskBackend;
}

type Row = (call: JsonCall) => readonly Permission[] | Promise<readonly Permission[]>;

const SERVICES: Readonly<Record<string, Row>> = {
  codedeploy: codeDeploy,
  dynamodb: dynamoDb,
  ecr: containerRegistry,
  logs: cloudWatchLogs,
  secretsmanager: secretsManager,
  sqs: queues,
  ssm: parameters,
};

/** For a service or operation without a row, the resource is `*`, and marked as guessed. */
export async function jsonPermissions(call: JsonCall): Promise<NeededPermissions> {
  const permissions = (await SERVICES[call.service]?.(call)) ?? [];
  return { eventName: call.operation, permissions: permissions.length > 0 ? permissions : [guessed(call)] };
}

function guessed({ service, operation }: JsonCall): Permission {
  return { action: `${service}:${operation}`, resource: '*', guessed: true };
}

/** The operation on these resources. */
function on(call: JsonCall, ...resources: readonly string[]): Permission[] {
  return resources.map((resource) => ({ action: `${call.service}:${call.operation}`, resource }));
}

/** The resources, each given as an ARN or as a name in the account. */
function named(call: JsonCall, kind: string, ...names: readonly (string | undefined)[]): Permission[] {
  const given = names.filter((name) => name !== undefined);
  return on(call, ...given.map((name) => (isArn(name) ? name : arnOf(call.place, call.service, kind + name))));
}

function isArn(text: string): boolean {
  return text.startsWith('arn:');
}

/** A secret's ARN ends in six random characters that only the backend knows. */
async function secretsManager(call: JsonCall): Promise<Permission[]> {
  const { operation, input, ask } = call;
  if (operation === 'ListSecrets') return [{ action: 'secretsmanager:ListSecrets', resource: '*', shown: '' }];
  if (operation === 'GetRandomPassword') return on(call, '*');
  if (operation === 'BatchGetSecretValue') {
    const listed = textsAt(input, 'SecretIdList');
    const found = listed.length > 0 ? undefined : await ask('ListSecrets', { Filters: input['Filters'] });
    const ids = found ? inputsAt(found, 'SecretList').flatMap((secret) => textAt(secret, 'ARN') ?? []) : listed;
    const each = { ...call, operation: 'GetSecretValue' };
    return [...on(call, '*'), ...(await Promise.all(ids.map((id) => ofSecret(each, id)))).flat()];
  }
  if (operation === 'CreateSecret') {
    const name = textAt(input, 'Name');
    if (name === undefined) return [];
    const resource = arnOf(call.place, 'secretsmanager', `secret:${name}-AAAAAA`);
    return [{ action: 'secretsmanager:CreateSecret', resource, shown: name, keys: { 'secretsmanager:Name': name } }];
  }
  const id = textAt(input, 'SecretId');
  return id === undefined ? [] : ofSecret(call, id);
}

/** AWS prints the bare name of a secret that it does not have. */
async function ofSecret(call: JsonCall, id: string): Promise<Permission[]> {
  const whole = /^arn:.*-[A-Za-z0-9]{6}$/.test(id);
  const found = whole ? id : textAt((await call.ask('DescribeSecret', { SecretId: id })) ?? {}, 'ARN');
  const stage = textAt(call.input, 'VersionStage');
  const keys = {
    ...(found !== undefined && { 'secretsmanager:SecretId': found }),
    ...(stage !== undefined && { 'secretsmanager:VersionStage': stage }),
  };
  return on(call, found ?? id).map((permission) => ({ ...permission, keys }));
}

/** `/app/key` is `parameter/app/key`. A name may end in a version or label. */
function parameters(call: JsonCall): Permission[] {
  const { operation, input } = call;
  if (operation === 'DescribeParameters') return on(call, '*');
  const isTagging = textAt(input, 'ResourceType') === 'Parameter';
  if (!/Parameter/.test(operation) && !isTagging) return [];
  const names = [
    ...textsAt(input, 'Names'),
    textAt(input, 'Name'),
    textAt(input, 'Path'),
    isTagging ? textAt(input, 'ResourceId') : undefined,
  ];
  const plain = names
    .filter((name) => name !== undefined)
    .map((name) => (isArn(name) ? name : name.replace(/^\//, '').replace(/:[^:/]*$/, '')));
  const keys = {
    ...(operation === 'PutParameter' && { 'ssm:Overwrite': String(input['Overwrite'] === true) }),
    ...(operation === 'GetParametersByPath' && { 'ssm:Recursive': String(input['Recursive'] === true) }),
  };
  return named(call, 'parameter/', ...plain).map((permission) => ({ ...permission, keys }));
}

/** A batch needs the permission of a single message. */
function queues(call: JsonCall): Permission[] {
  const { input, place } = call;
  const operation = call.operation.replace(/^(SendMessage|DeleteMessage|ChangeMessageVisibility)Batch$/, '$1');
  if (operation === 'ListQueues') return on(call, '*');
  const url = textAt(input, 'QueueUrl');
  const [, account, name] = /\/([0-9]{12})\/([^/?]+)$/.exec(url ?? '') ?? [];
  const queueName = name ?? textAt(input, 'QueueName');
  const accountId = account ?? textAt(input, 'QueueOwnerAWSAccountId') ?? place.accountId;
  const arn = queueName === undefined ? textAt(input, 'SourceArn') : arnOf({ ...place, accountId }, 'sqs', queueName);
  return arn === undefined ? [] : on({ ...call, operation }, arn);
}

const TRANSACTION = { Get: 'GetItem', Put: 'PutItem', Update: 'UpdateItem', Delete: 'DeleteItem' };
const PARTIQL = { select: 'PartiQLSelect', insert: 'PartiQLInsert', update: 'PartiQLUpdate', delete: 'PartiQLDelete' };

function dynamoDb(call: JsonCall): Permission[] {
  const { operation, input } = call;
  if (operation === 'ListTables') {
    return [{ action: 'dynamodb:ListTables', resource: '*', shown: arnOf(call.place, 'dynamodb', 'table/*') }];
  }
  if (/^(?:DescribeEndpoints|DescribeLimits)$/.test(operation)) return on(call, '*');
  if (/^Transact(?:Get|Write)Items$/.test(operation))
    return inputsAt(input, 'TransactItems').flatMap((item) => transactionItem(call, item));
  if (/^Batch(?:Get|Write)Item$/.test(operation))
    return tables(call, Object.keys(inputOf(input['RequestItems']) ?? {}));
  if (/^(?:ExecuteStatement|ExecuteTransaction|BatchExecuteStatement)$/.test(operation)) return partiQl(call);
  return tables(call, [textAt(input, 'TableName') ?? textAt(input, 'ResourceArn')], textAt(input, 'IndexName'));
}

function tables(call: JsonCall, names: readonly (string | undefined)[], index?: string): Permission[] {
  const suffix = index === undefined ? '' : `/index/${index}`;
  return named(call, 'table/', ...names).map((table) => ({ ...table, resource: table.resource + suffix }));
}

function transactionItem(call: JsonCall, item: Input): Permission[] {
  return Object.entries({ ...TRANSACTION, ConditionCheck: 'ConditionCheckItem' }).flatMap(([member, operation]) => {
    const part = inputOf(item[member]);
    return part ? tables({ ...call, operation }, [textAt(part, 'TableName')]) : [];
  });
}

function partiQl(call: JsonCall): Permission[] {
  const { input } = call;
  const parts = [input, ...inputsAt(input, 'Statements'), ...inputsAt(input, 'TransactStatements')];
  const statements = parts.flatMap((part) => textAt(part, 'Statement') ?? []);
  const needed = statements.map((statement) => {
    const [, verb = '', table, index] =
      /^\s*(select|insert|update|delete)\b(?:.*?\b(?:from|into)\b)?\s*"?([\w.-]+)"?(?:\."?([\w.-]+)"?)?/is.exec(
        statement,
      ) ?? [];
    const operation = PARTIQL[verb.toLowerCase() as keyof typeof PARTIQL];
    return table === undefined ? [] : tables({ ...call, operation }, [table], index);
  });
  return needed.some((one) => one.length === 0) ? [] : needed.flat();
}

function containerRegistry(call: JsonCall): Permission[] {
  const { operation, input, place } = call;
  const names = [...textsAt(input, 'repositoryNames'), textAt(input, 'repositoryName'), textAt(input, 'resourceArn')];
  const accountId = textAt(input, 'registryId') ?? place.accountId;
  const repositories = named({ ...call, place: { ...place, accountId } }, 'repository/', ...names);
  if (repositories.length > 0) return repositories;
  return /^(?:GetAuthorizationToken|DescribeRepositories|\w+Registry\w*)$/.test(operation) ? on(call, '*') : [];
}

const ON_STREAM = new Set(['CreateLogStream', 'DeleteLogStream', 'PutLogEvents', 'GetLogEvents']);
const ON_ACCOUNT = new Set([
  'DescribeDestinations',
  'DescribeExportTasks',
  'DescribeQueries',
  'GetQueryResults',
  'StopQuery',
]);

/** AWS writes a group in two ways, `log-group:G:log-stream:` mostly. */
function cloudWatchLogs(call: JsonCall): Permission[] {
  const { operation, input } = call;
  if (ON_ACCOUNT.has(operation)) return on(call, '*');
  const identifiers = [...textsAt(input, 'logGroupNames'), ...textsAt(input, 'logGroupIdentifiers')];
  const single = textAt(input, 'logGroupName') ?? textAt(input, 'logGroupIdentifier') ?? textAt(input, 'resourceArn');
  const listed = operation === 'DescribeLogGroups' ? (textAt(input, 'logGroupNamePrefix') ?? '') : undefined;
  const groups = single === undefined ? identifiers : [...identifiers, single];
  const stream = ON_STREAM.has(operation) ? textAt(input, 'logStreamName') : undefined;
  return named(call, 'log-group:', ...groups, listed).map(({ action, resource }) => {
    const group = resource.replace(/:\*$/, '');
    if (stream !== undefined) return { action, resource: `${group}:log-stream:${stream}` };
    return { action, resource: `${group}:log-stream:`, otherResource: group };
  });
}

/** Only the backend knows the deployment group of a deployment. */
async function codeDeploy(call: JsonCall): Promise<Permission[]> {
  const { operation, input, ask } = call;
  if (
    /^(?:ListApplications|StopDeployment|ContinueDeployment|\w+DeploymentTargets?|ListDeploymentConfigs)$/.test(
      operation,
    )
  )
    return on(call, '*');
  if (/OnPremisesInstances?$/.test(operation)) return instances(call);
  const deploymentId = textAt(input, 'deploymentId') ?? textsAt(input, 'deploymentIds')[0];
  const found = deploymentId === undefined ? undefined : await ask('GetDeployment', { deploymentId });
  const source = inputOf(found?.['deploymentInfo']) ?? input;
  const application = textAt(source, 'applicationName');
  const group =
    textAt(source, 'deploymentGroupName') ??
    textAt(source, 'currentDeploymentGroupName') ??
    textsAt(source, 'deploymentGroupNames')[0];
  if (application !== undefined && group !== undefined)
    return named(call, 'deploymentgroup:', `${application}/${group}`);
  if (application !== undefined) return named(call, 'application:', application);
  if (textsAt(input, 'applicationNames').length > 0)
    return named(call, 'application:', ...textsAt(input, 'applicationNames'));
  if (operation === 'CreateDeploymentConfig' || /DeploymentConfig$/.test(operation))
    return named(call, 'deploymentconfig:', textAt(input, 'deploymentConfigName'));
  return named(call, '', textAt(input, 'ResourceArn'));
}

function instances(call: JsonCall): Permission[] {
  const { operation, input } = call;
  if (operation === 'ListOnPremisesInstances') return on(call, '*');
  return named(call, 'instance:', textAt(input, 'instanceName'), ...textsAt(input, 'instanceNames'));
}
