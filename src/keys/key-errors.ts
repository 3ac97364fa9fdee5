import { CodedError, errorFactory } from '../foundation/errors.ts';
import { tpmErrors } from './tpm/tpm-errors.ts';

export const keyErrors = {
  SIGNATURE_FAILED:
    'Check the key with `imds-anywhere check-config`, which signs with it once. Read the cause in the log.',
  SIGNATURE_WRONG:
    'Name the key that the certificate was issued for. `imds-anywhere check-config` signs with it once and verifies the signature.',

  // The signing process
  KEY_PROCESS_LATE:
    'Check that the token or device responds, for example with `pkcs11-tool --list-slots`. Reconnect it if it does not. The daemon tries again automatically.',
  KEY_PROCESS_ENDED:
    'Update the PKCS#11 module, or name another one: it ended the process that signs. Run the daemon with log.level: debug to see its output. The daemon tries again automatically.',
  KEY_PROCESS_NOT_STARTED:
    'Let the user of the daemon start processes (TasksMax= of the unit, memory of the container). The daemon tries again automatically.',
  KEY_QUEUE_FULL: 'Use fewer roles with this token, or a faster one. The daemon tries again automatically.',

  // SSH agents and commands
  SIGNER_TIMEOUT:
    'Check whether the agent or program waits for a touch, a PIN or the network. identity.signer.timeout is the time a command has. The daemon tries again automatically.',
  SIGNER_NO_SPACE:
    'Free space in /dev/shm or in the temporary directory (TMPDIR, else /tmp): the command gets files there for its input and output. The daemon tries again automatically.',
  SIGNER_ENDED:
    'Run the command by hand with the request of docs/keys.md, and fix why it ends. The daemon tries again automatically.',
  SIGNER_COMMAND_MISSING:
    'Set identity.signer.command to the path of a program that the user of the daemon may run, and check the interpreter on its first line.',
  SIGNER_COMMAND_FAILED:
    'Fix what the program reports. Run it by hand with the request of docs/keys.md to see all of its output.',
  SIGNER_COMMAND_ANSWER:
    'Let the program print one JSON object and nothing else: {"signature":"BASE64"} or {"error":"TEXT","retry":false}. docs/keys.md has examples.',
  SSH_AGENT_UNREACHABLE:
    'Start the agent, or name its socket: identity.privateKey: ssh-agent:/run/agent.sock. The user of the daemon needs access to the socket. The daemon tries again automatically.',
  SSH_AGENT_KEY_MISSING:
    'Add the key with `ssh-add` (`ssh-add -L` lists the keys), or unlock the agent with `ssh-add -X`. The daemon tries again automatically.',
  SSH_AGENT_REFUSED:
    'Add the key without confirmation (no `ssh-add -c`), and read the log of the agent. Behind a token the key needs its PIN or a touch.',
  SSH_AGENT_KEY_UNSUPPORTED:
    'Use an RSA or P-256 key with an SSH agent. Use a P-384 or P-521 key from a file, by PKCS#11 or by a command.',
  SSH_AGENT_ANSWER:
    'Check that the socket belongs to an SSH agent, and that the agent supports rsa-sha2-256 (OpenSSH 7.2 or later does).',

  // PKCS#11
  KEY_URI_MALFORMED:
    'Correct the URI. RFC 7512 describes it; `p11tool --list-all` and `pkcs11-tool --list-objects` print what a token holds.',
  PKCS11_MODULE_UNUSABLE:
    'Set identity.pkcs11.module (--pkcs11-lib), or module-path in the URI, to the PKCS#11 module of the token. The default p11-kit-proxy.so comes with p11-kit (Debian: p11-kit-modules).',
  PKCS11_TOKEN_NOT_FOUND: 'Insert the token, or correct the token in the URI. The daemon tries again automatically.',
  PKCS11_SEVERAL_TOKENS: 'Add serial or slot-id to the URI, so that one token matches.',
  PKCS11_TOKEN_GONE: 'Insert the token again, and check its reader. The daemon tries again automatically.',
  PKCS11_PIN_MISSING:
    'Set identity.passphrase (--passphrase-file, --passphrase-env) to the file, systemd credential or environment variable that contains the PIN.',
  PKCS11_PIN_WRONG:
    'Correct the PIN. It is not tried again until the PIN or the configuration changes, because the token counts wrong PINs.',
  PKCS11_PIN_EXPIRED: 'Set a new user PIN, for example with `pkcs11-tool --change-pin` or `--init-pin`.',
  PKCS11_PIN_LOCKED:
    'Unlock the PIN with the security officer PIN (PUK) of the token: `pkcs11-tool --login --login-type so --init-pin`.',
  PKCS11_LAST_TRY:
    'Log in once by hand with the right PIN (`pkcs11-tool --login --list-objects`), which resets the counter of the token. The daemon does not use the last try.',
  PKCS11_PIN_PAD: 'Use a token or a reader that accepts the PIN from a program. The daemon cannot type at a reader.',
  PKCS11_CERTIFICATE_NOT_FOUND:
    'Correct object or id in the URI, or name a certificate file: `pkcs11-tool --list-objects --type cert` prints what the token holds.',
  PKCS11_KEY_NOT_FOUND:
    'Correct object or id in the URI, or name the certificate of this key: `pkcs11-tool --login --list-objects` prints what the token holds.',
  PKCS11_KEY_CANNOT_SIGN: 'Use a key on the token that may sign (CKA_SIGN), RSA or EC on P-256, P-384 or P-521.',
  PKCS11_CALL_FAILED:
    'Check that no other program holds the token. If it persists, read the number in the documentation of the module. The daemon tries again automatically.',

  ...tpmErrors,
} as const;

export type KeyErrorCode = keyof typeof keyErrors;

const keyError = errorFactory(keyErrors);

/**
 * A key that did not sign, or cannot be read. `retry` says when another try can help: a busy or
 * unplugged token is asked again `soon`. Problems that need people, such as a wrong PIN, are
 * retried rarely (`slow`).
 */
export class KeyFailure extends CodedError {
  readonly retry: 'soon' | 'slow';

  constructor(
    code: KeyErrorCode,
    message: string,
    { retry, cause }: { readonly retry: 'soon' | 'slow'; readonly cause?: unknown },
  ) {
    const error = keyError(code, message, cause);
    super(error.code, message, error.remedy, cause, retry === 'soon' ? 'transient' : error.kind);
    this.retry = retry;
  }
}
