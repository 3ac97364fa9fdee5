// What `init` has to know: asked on a terminal, otherwise taken from the options.
import { TRUSTED_KINDS } from '../iam/trust-proposal.ts';
import { type Answers, AUTHORITIES, type AuthorityKind, type Place, PLACES } from './setup.ts';
import { setupError } from './setup-errors.ts';

/** By option, without those that are not asked for. */
export interface Given {
  readonly ca?: string | undefined;
  readonly caBundle?: string | undefined;
  readonly acmPcaArn?: string | undefined;
  readonly certificate?: string | undefined;
  readonly subject?: string | undefined;
  readonly for?: string | undefined;
  readonly name?: string | undefined;
  readonly region?: string | undefined;
  readonly role?: string | undefined;
  readonly permissions?: string | undefined;
  readonly duration?: string | undefined;
  readonly runsOn?: string | undefined;
}

/** Asks the user. @returns what was typed. */
export type Ask = (question: string) => Promise<string>;

interface Question {
  readonly key: keyof Given;
  readonly text: string;
  readonly pattern?: RegExp;
  readonly choices?: readonly string[];
  /** Undefined: required. Empty: may stay empty. */
  readonly fallback: (given: Given) => string | undefined;
  readonly matters?: (given: Given) => boolean;
}

const required = (): undefined => undefined;
const optional = (): string => '';
const MANAGED_POLICY = /^arn:aws(-[a-z-]+)?:iam::(\d{12}|aws):policy\/[\w+=,.@/-]+$/;
const NAME = /^[A-Za-z][A-Za-z0-9-]{0,40}$/;

const QUESTIONS: readonly Question[] = [
  {
    key: 'ca',
    text: 'Which CA issues the certificates? new: a throwaway one, made now; bundle: one that exists',
    choices: AUTHORITIES,
    fallback: required,
  },
  {
    key: 'caBundle',
    text: 'PEM file with the certificate of the CA',
    fallback: required,
    matters: ({ ca }) => ca === 'bundle',
  },
  {
    key: 'acmPcaArn',
    text: 'ARN of the private CA',
    pattern: /^arn:aws(-[a-z-]+)?:acm-pca:[a-z0-9-]+:\d{12}:certificate-authority\/[\w-]+$/,
    fallback: required,
    matters: ({ ca }) => ca === 'acm-pca',
  },
  {
    key: 'certificate',
    text: 'Certificate of one of your machines, to see what tells them apart (empty: none yet)',
    fallback: optional,
    matters: ({ ca, subject }) => ca === 'bundle' && !subject,
  },
  {
    key: 'for',
    text: 'Which certificates get the role?',
    choices: TRUSTED_KINDS,
    fallback: () => 'certificate',
    matters: ({ certificate, subject }) => !!certificate && !subject,
  },
  { key: 'name', text: 'Name of trust anchor and profile', pattern: NAME, fallback: () => 'devices' },
  {
    key: 'runsOn',
    text: 'Where do the programs run?',
    choices: PLACES,
    fallback: required,
  },
  {
    key: 'subject',
    text: 'Subject that all machines share, * for any text, such as CN=device-* or OU=Devices,O=Example',
    fallback: usualSubject,
    matters: ({ certificate }) => !certificate,
  },
  {
    key: 'region',
    text: 'Region of AWS, such as eu-central-1',
    pattern: /^[a-z]{2}(-[a-z]+)+-\d$/,
    fallback: required,
  },
  { key: 'role', text: 'Name of the role', pattern: /^[\w+=,.@-]{1,64}$/, fallback: ({ name }) => name },
  {
    key: 'permissions',
    text: 'File with the policy of the role, in JSON (empty: no permissions yet)',
    fallback: optional,
  },
  {
    key: 'duration',
    text: 'Seconds that a session lasts, 900 to 43200',
    pattern: /^(?:9\d\d|[1-9]\d{3}|[1-3]\d{4}|4[0-2]\d{3}|43[01]\d\d|43200)$/,
    fallback: () => '3600',
  },
];

/** Of the certificates that the recipes issue. An existing CA has its own rules. */
function usualSubject({ ca, name, runsOn }: Given): string | undefined {
  if (runsOn === 'kubernetes') return `CN=${name ?? ''}`;
  if (ca === 'bundle') return undefined;
  return ca === 'step-ca' ? 'CN=device-*' : 'OU=Devices';
}

/**
 * Completes the options.
 *
 * @param ask - absent if there is no terminal.
 * @throws CodedError SETUP_ANSWER_MISSING, SETUP_ANSWER_WRONG with each problem.
 */
export async function completed(options: Given, ask: Ask | undefined): Promise<Given> {
  let given = options;
  const missing: string[] = [];
  const wrong: string[] = [];
  for (const question of QUESTIONS) {
    const { key, matters = () => true } = question;
    const fallback = question.fallback(given);
    if (given[key] === undefined && matters(given)) {
      const answer = ask ? await asked(question, fallback, ask) : fallback;
      if (answer === undefined) missing.push(flagOf(key));
      given = { ...given, [key]: answer === '' ? undefined : answer };
    }
    const value = given[key];
    if (value !== undefined && !fits(question, value)) wrong.push(`${flagOf(key)} ${value}: ${expected(question)}`);
  }
  if (wrong.length > 0) throw setupError('SETUP_ANSWER_WRONG', wrong.join('; '));
  if (missing.length > 0) throw setupError('SETUP_ANSWER_MISSING', `missing: ${missing.join(', ')}`);
  return given;
}

async function asked(question: Question, fallback: string | undefined, ask: Ask): Promise<string> {
  const { text, choices } = question;
  const list = choices ? ` (${choices.join(', ')})` : '';
  const usual = fallback ? ` [${fallback}]` : '';
  for (;;) {
    const answer = (await ask(`${text}${list}${usual}: `)).trim() || fallback;
    if (answer === '' || (answer !== undefined && fits(question, answer))) return answer;
  }
}

function fits({ pattern = /./, choices }: Question, value: string): boolean {
  return choices ? choices.includes(value) : pattern.test(value);
}

function expected({ text, choices }: Question): string {
  return choices ? `one of ${choices.join(', ')}` : text;
}

function flagOf(key: string): string {
  return `--${key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** Of complete options. @throws CodedError SETUP_ANSWER_WRONG */
export function answersIn(given: Given, managedPolicy: readonly string[]): Answers {
  const wrong = managedPolicy.find((arn) => !MANAGED_POLICY.test(arn));
  if (wrong !== undefined) throw setupError('SETUP_ANSWER_WRONG', `--managed-policy ${wrong}: the ARN of a policy`);
  const { name = '', region = '', role = '', acmPcaArn } = given;
  return {
    ...{ name, region, role, acmPcaArn, managedPolicy },
    ca: given.ca as AuthorityKind,
    duration: Number(given.duration),
    runsOn: given.runsOn as Place,
    for: (given.for ?? 'certificate') as Answers['for'],
  };
}
