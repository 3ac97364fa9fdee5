import type { Answer } from '../endpoints/answer.ts';
import type { RoleSession } from '../rolesanywhere/role-session.ts';
import { success } from './answer.ts';
import {
  credentialDocument,
  type DescribedRole,
  identityDocument,
  type Placement,
  profileDocument,
} from './documents.ts';

/** The resource at a path. A directory answers with its listing. */
export type Resource =
  | { readonly kind: 'text'; readonly answer: Answer }
  | { readonly kind: 'directory'; readonly answer: Answer; readonly entries: ReadonlyMap<string, Resource> }
  | {
      readonly kind: 'session';
      /** Contains the keys. */
      readonly isSecret: boolean;
      readonly answer: (session: RoleSession) => Answer;
    };

/** The versions that EC2 lists. All of them mean `latest` here. */
const VERSIONS = [
  ...['1.0', '2007-01-19', '2007-03-01', '2007-08-29', '2007-10-10', '2007-12-15', '2008-02-01', '2008-09-01'],
  ...['2009-04-04', '2011-01-01', '2011-05-01', '2012-01-12', '2014-02-25', '2014-11-05', '2015-10-20', '2016-04-19'],
  ...['2016-06-30', '2016-09-02', '2018-03-28', '2018-08-17', '2018-09-24', '2019-10-01', '2020-08-24', '2020-10-27'],
  ...['2021-01-03', '2021-03-23', '2021-07-15', '2022-09-24', '2024-04-11', 'latest'],
];

/** Everything that one endpoint serves, as a tree. Nothing else exists. */
export function metadataTree(role: DescribedRole, placement: Placement | undefined): Resource {
  const latest = directory(
    [...(placement ? [dynamic(role, placement)] : []), ['meta-data', directory(metaData(role, placement))]],
    '',
  );
  return directory(
    VERSIONS.map((version) => [version, latest]),
    '',
  );
}

type Entry = readonly [name: string, resource: Resource];

function metaData(role: DescribedRole, placement: Placement | undefined): Entry[] {
  const credentials = directory([
    [
      role.name,
      {
        kind: 'session',
        isSecret: true,
        answer: oncePerSession((session) =>
          success(credentialDocument(role, session), { resource: 'credentials', session }),
        ),
      },
    ],
  ]);
  const iam = directory([
    [
      'info',
      {
        kind: 'session',
        isSecret: false,
        answer: oncePerSession((session) => success(profileDocument(role, session))),
      },
    ],
    ['security-credentials', credentials],
    // "IMDS 2.1": future SDKs ask here first, for the AccountId.
    ['security-credentials-extended', credentials],
  ]);
  return [['iam', iam], ...(placement ? [placementEntry(placement)] : [])];
}

function placementEntry({ availabilityZone, region }: Placement): Entry {
  return [
    'placement',
    directory([
      ['availability-zone', text(availabilityZone)],
      ['region', text(region)],
    ]),
  ];
}

function dynamic(role: DescribedRole, placement: Placement): Entry {
  const identity = directory([['document', text(identityDocument(role, placement))]]);
  return ['dynamic', directory([['instance-identity', identity]])];
}

/** @param mark - follows the name of a directory in a listing; EC2 omits it in the two top levels. */
function directory(entries: readonly Entry[], mark = '/'): Resource {
  const names = entries.map(([name, { kind }]) => (kind === 'directory' ? name + mark : name));
  return { kind: 'directory', answer: success(names.join('\n')), entries: new Map(entries) };
}

function text(body: string): Resource {
  return { kind: 'text', answer: success(body) };
}

/** Builds an answer once per session instead of per request. */
function oncePerSession(make: (session: RoleSession) => Answer): (session: RoleSession) => Answer {
  let made: { readonly session: RoleSession; readonly answer: Answer } | undefined;
  return (session) => {
    if (made?.session !== session) made = { session, answer: make(session) };
    return made.answer;
  };
}

export function resolve(tree: Resource, names: readonly string[]): Resource | undefined {
  return names.reduce<Resource | undefined>(
    (found, name) => (found?.kind === 'directory' ? found.entries.get(name) : undefined),
    tree,
  );
}
