import { issueAuthority, issueLeaf } from '../emulator/account/pki.ts';
import { readRevocationList, revocationListsIn } from '../emulator/account/revocation.ts';
import { readEachOnce } from '../files/read-file.ts';
import { DAY_MS, systemClock } from '../foundation/clock.ts';
import { messageOf } from '../foundation/errors.ts';
import { iamError } from '../iam/iam-errors.ts';
import { permissionsPolicySchema } from '../iam/policy-document.ts';
import { checkedPolicy } from '../iam/policy-json.ts';
import { type Certificate, readCertificate } from '../identity/certificate.ts';
import { type NameAttribute, readName } from '../identity/distinguished-name.ts';
import { readIdentityContent } from '../identity/identity-content.ts';
import { nameFromText } from '../identity/name-from-text.ts';
import { pemOf } from '../identity/pem.ts';
import { chainToAnchor } from '../identity/signing-chain.ts';
import { firstSubject } from '../setup/authority-recipe.ts';
import type { Given } from '../setup/questions.ts';
import { type Answers, issuerName, type Material } from '../setup/setup.ts';
import { setupError } from '../setup/setup-errors.ts';
import type { NewSetupFile } from '../setup/write-files.ts';
import { certificateIn, certificatesIn, jsonFile, lockOf, type PassphraseFlags } from './given-files.ts';

/** Options that nothing asks for. */
interface Files extends PassphraseFlags {
  readonly crl?: string;
  readonly privateKey?: string;
  readonly try?: boolean;
}

/** With what `init --try` gets a session. Paths. */
export interface Trial {
  readonly certificate: string;
  readonly privateKey: string | undefined;
  /** As a configuration has it. */
  readonly passphrase: object | undefined;
}

interface Found {
  readonly material: Material;
  /** Of a throwaway CA: certificate of a first machine, and keys. */
  readonly keys: readonly NewSetupFile[];
  readonly trial: Trial | undefined;
}

/** @throws CodedError SETUP_BUNDLE_UNUSABLE, SETUP_CERTIFICATE_UNRELATED, SETUP_CANNOT_TRY */
export async function materialOf(answers: Answers, given: Given, flags: Files): Promise<Found> {
  const { certificate } = given;
  const lock = lockOf(flags);
  const permissions = given.permissions === undefined ? undefined : await policyOf(given.permissions);
  const common: Material = {
    permissions,
    revocationList: flags.crl === undefined ? undefined : await revocationListIn(flags.crl),
    certificate: certificate === undefined ? undefined : await certificateIn(certificate, lock),
    subject: given.subject === undefined ? undefined : readName(nameFromText(given.subject)).attributes,
  };
  if (answers.ca === 'new') return newAuthority(answers, common);
  const bundle = given.caBundle === undefined ? undefined : await bundleIn(given.caBundle);
  if (bundle && common.certificate && certificate !== undefined)
    checkIssued(common.certificate, await certificatesIn(certificate, lock), bundle, certificate);
  const certificates = bundle?.map(({ der }) => pemOf('CERTIFICATE', der)).join('');
  const trial =
    certificates === undefined || certificate === undefined
      ? undefined
      : { certificate, privateKey: flags.privateKey, passphrase: writtenPassphrase(flags) };
  if (flags.try && !trial) throw setupError('SETUP_CANNOT_TRY', 'there is no certificate to try, or none of its CA');
  return { material: { ...common, certificates }, keys: [], trial };
}

function writtenPassphrase({ passphraseFile, passphraseEnv }: PassphraseFlags): object | undefined {
  if (passphraseFile !== undefined) return { file: passphraseFile };
  return passphraseEnv === undefined ? undefined : { environment: passphraseEnv };
}

async function policyOf(file: string): Promise<object> {
  const written = await jsonFile(file);
  const checked = checkedPolicy(permissionsPolicySchema, written);
  if ('problem' in checked) throw iamError('POLICY_INVALID', `${file}: ${checked.problem}`);
  return Object(written) as object;
}

/** As PEM, without anything else that is in the file. */
async function revocationListIn(file: string): Promise<string> {
  const { content } = await readEachOnce()(file);
  try {
    const lists = revocationListsIn(content);
    for (const list of lists) readRevocationList(list);
    if (lists.length > 0) return lists.map((list) => pemOf('X509 CRL', list)).join('');
  } catch (error) {
    throw setupError('SETUP_ANSWER_WRONG', `--crl ${file} has no usable revocation list: ${messageOf(error)}`, error);
  }
  throw setupError('SETUP_ANSWER_WRONG', `--crl ${file} has no revocation list`);
}

async function bundleIn(file: string): Promise<readonly Certificate[]> {
  const { certificates } = await readIdentityContent(await readEachOnce()(file), undefined);
  const authorities = certificates.map(readCertificate);
  const wrong = authorities.find(({ isCa, keyUsage }) => !isCa || !keyUsage?.has('keyCertSign'));
  if (wrong) throw setupError('SETUP_BUNDLE_UNUSABLE', `${file}: ${wrong.subjectText} is not the certificate of a CA`);
  if (certificates.length === 0 || certificates.length > 2)
    throw setupError('SETUP_BUNDLE_UNUSABLE', `${file} has ${certificates.length} certificates`);
  return authorities;
}

/** By one of the CAs, or by intermediates in its file. */
function checkIssued(
  certificate: Certificate,
  beside: readonly Certificate[],
  authorities: readonly Certificate[],
  file: string,
): void {
  try {
    chainToAnchor(certificate, beside, authorities, systemClock.now());
  } catch (error) {
    throw setupError('SETUP_CERTIFICATE_UNRELATED', `--certificate ${file}: ${messageOf(error)}`, error);
  }
}

/** For verifiers whose clock is slightly behind. */
const BACKDATED_MS = 5 * 60_000;

/** For trials: its key has no passphrase, and it issues one certificate. */
async function newAuthority({ ca, name }: Answers, common: Material): Promise<Found> {
  const now = systemClock.now();
  const life = (days: number): { notBefore: number; notAfter: number } => ({
    notBefore: now - BACKDATED_MS,
    notAfter: now + days * DAY_MS,
  });
  const subject: readonly NameAttribute[] = common.subject ?? [];
  const authority = await issueAuthority({
    ...life(365),
    subject: [{ type: 'CN', value: issuerName(ca, name) ?? '' }],
    pathLength: 0,
  });
  const device = await issueLeaf({ ...life(30), subject: firstSubject({ subject }) }, authority);
  return {
    material: { ...common, certificates: authority.certificatePem, certificate: readCertificate(device.der) },
    keys: [
      { name: 'ca.key', text: authority.privateKeyPem, isKey: true },
      { name: 'device.pem', text: device.certificatePem },
      { name: 'device.key', text: device.privateKeyPem, isKey: true },
    ],
    trial: { certificate: 'device.pem', privateKey: 'device.key', passphrase: undefined },
  };
}
