export const tpmErrors = {
  TPM_UNREACHABLE:
    'Give the daemon a TPM 2.0: let its user into the group of the device (usually tss), and see docs/keys.md for systemd and containers. identity.tpm.device or TPM_DEVICE names another device. The daemon tries again automatically.',
  TPM_SILENT:
    'Check the TPM with `tpm2_getrandom 8`. Restart what serves it (tpm2-abrmd, swtpm), or the machine. The daemon tries again automatically.',
  TPM_ANSWER_MALFORMED:
    'Check that the device is a TPM 2.0: `tpm2_getcap properties-fixed`. The daemon tries again automatically.',
  TPM_BUSY:
    'Use /dev/tpmrm0: the kernel shares it between programs. With another device, stop the program that fills the TPM, or remove what it left with `tpm2_flushcontext -t`. The daemon tries again automatically.',
  TPM_LOCKED_OUT:
    'Find the program that sends wrong passwords. Wait until the TPM forgets them (`tpm2_getcap properties-variable`), or run `tpm2_dictionarylockout --clear-lockout`.',
  TPM_PASSWORD_MISSING:
    'Set identity.passphrase for the key (--passphrase-file, --passphrase-env), identity.tpm.parentPassword for its parent, identity.tpm.ownerPassword for the owner hierarchy.',
  TPM_PASSWORD_WRONG:
    'Correct the password. It is not tried again until the password or the configuration changes, because the TPM counts wrong ones.',
  TPM_KEY_MALFORMED:
    'Make the key file again, with `imds-anywhere key new --tpm FILE`, tpm2-openssl or `tpm2_encodeobject`.',
  TPM_KEY_NOT_LOADABLE:
    'Make a key in this TPM with `imds-anywhere key new --tpm FILE`. Importable keys and sealed data are not used for signing.',
  TPM_KEY_OF_ANOTHER_TPM:
    'Use the TPM that made the key. If this is the one, it was cleared: make a new key with `imds-anywhere key new --tpm FILE`, and have a certificate issued for it. If tpm2_create made it, its parent has to be the storage root key: docs/keys.md.',
  TPM_KEY_CANNOT_SIGN:
    'Use an EC or RSA key that may sign any data with ECDSA or RSASSA over SHA-256, such as `imds-anywhere key new --tpm FILE` makes.',
  TPM_HANDLE_EMPTY: 'Correct the handle. `tpm2_getcap handles-persistent` prints those that the TPM holds.',
  TPM_HANDLE_MALFORMED: 'Write the handle of a persistent object, from 0x81000000 to 0x81ffffff: handle:0x81010001.',
  TPM_POLICY_UNMET:
    'Bring the machine into the state that the policy of the key asks for: `tpm2_pcrread` prints the PCRs. If the new state is the right one, make a new key with a new policy.',
  TPM_POLICY_UNSUPPORTED:
    'Use a key without a policy, or with a key file whose policy consists of PolicyPCR, PolicyAuthValue, PolicyPassword or PolicyCommandCode.',
  TPM_REFUSED: '`tpm2_rc_decode` explains the number. Check that the TPM works: `tpm2_getrandom 8`.',
} as const;
