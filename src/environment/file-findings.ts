import type { CodedError } from '../foundation/errors.ts';
import { BOTOCORE } from './clients.ts';
import { environmentError } from './environment-errors.ts';
import { parseProfiles } from './profile-file.ts';
import { FAULT_READERS, unreadBy } from './rules.ts';
import type { Finding, SdkSettings, SharedFile } from './sdk-settings.ts';

/** Unreadable or malformed shared files, and older files with keys. */
export function fileFindings(sdk: SdkSettings): readonly Finding[] {
  const { config, credentials, boto } = sdk.files;
  return [
    ...[config, credentials].flatMap((file) => [...unreadable(file), ...malformed(file, sdk)]),
    ...boto.flatMap((file) => [...unreadable(file), ...botoFindings(file)]),
    ...olderFindings(sdk),
  ];
}

function unreadable({ path, unreadable: reason }: SharedFile): Finding[] {
  if (reason === undefined) return [];
  return [
    {
      code: 'ENV_FILE_UNREADABLE',
      what: `${path} cannot be read (${reason}), so its settings are unknown here`,
      effects: [{ clients: BOTOCORE, severity: 'none', how: 'end with an error' }],
      fix: { do: 'edit', how: `let this user read ${path}` },
    },
  ];
}

function malformed(file: SharedFile, sdk: SdkSettings): Finding[] {
  const unread = unreadBy(file, sdk);
  return file.faults.map(({ line, kind, what }) => ({
    code: 'ENV_FILE_MALFORMED',
    what: `${file.path}, line ${line}: ${what}`,
    effects: [
      {
        clients: FAULT_READERS[kind].filter((client) => !unread.includes(client)),
        severity: 'none',
        how: 'end with an error',
      },
    ],
    fix: { do: 'remove', what: 'or correct what is wrong', file: file.path, lines: [line] },
  }));
}

/** The first fault in the text of a file for which some clients cannot read it. */
export function readingFault(text: string, file: string): CodedError | undefined {
  const [fault] = parseProfiles(text).faults;
  if (!fault) return undefined;
  const { line, kind, what } = fault;
  const clients = FAULT_READERS[kind].join(', ');
  return environmentError('ENV_FILE_MALFORMED', `${file}, line ${line}: ${what}; ${clients} end with an error`);
}

function botoFindings(file: SharedFile): Finding[] {
  const wrong = file.faults.map(({ line }) => line);
  const section = file.sections.find(({ title }) => title === 'Credentials');
  const keys = ['aws_access_key_id', 'aws_secret_access_key'].filter((key) => section?.settings.has(key));
  const lines = keys.map((key) => (section?.settings.get(key)?.line ?? 0) + 1);
  if (wrong.length === 0 && !keys.includes('aws_access_key_id')) return [];
  return [
    {
      code: 'ENV_BOTO_FILE',
      what: `${file.path}, a file of boto 2, ${wrong.length > 0 ? 'is malformed' : 'has access keys'}`,
      effects: [botoEffect(wrong.length === 0 && keys.length === 2)],
      fix: { do: 'remove', what: 'the keys', file: file.path, lines: [...new Set([...wrong, ...lines])] },
    },
  ];
}

function botoEffect(isPair: boolean): Finding['effects'][number] {
  return isPair
    ? { clients: BOTOCORE, severity: 'other', how: 'sign with these keys instead' }
    : { clients: BOTOCORE, severity: 'none', how: 'end with an error' };
}

/** The file of EC2's first tools. A missing file is an error. */
function olderFindings({ environment, files }: SdkSettings): Finding[] {
  const name = environment['AWS_CREDENTIAL_FILE'];
  if (name === undefined) return [];
  const reason = files.unreadable['AWS_CREDENTIAL_FILE'];
  const keys = files.olderKeys;
  if (reason === undefined && !keys.includes('AWSAccessKeyId')) return [];
  return [
    {
      code: 'ENV_BOTO_FILE',
      what: `AWS_CREDENTIAL_FILE is ${name === '' ? 'set, and empty' : name}${reason === undefined ? ', which has access keys' : `, which cannot be read (${reason})`}`,
      effects: [botoEffect(reason === undefined && keys.includes('AWSSecretKey'))],
      fix: { do: 'unset', names: ['AWS_CREDENTIAL_FILE'] },
    },
  ];
}
