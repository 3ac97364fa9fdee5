import { authorityRecipe } from './authority-recipe.ts';
import { cloudFormationCommands } from './cloudformation.ts';
import { configurationFile, placeSteps } from './place-files.ts';
import type { Setup } from './setup.ts';

/** NEXT-STEPS.md */
export function nextSteps(setup: Setup): string {
  const { trust, authority, role, runsOn } = setup;
  const sections: readonly (readonly [title: string, text: readonly string[]])[] = [
    ...(authorityRecipe(setup) === undefined
      ? []
      : ([
          [
            'The CA',
            ['Creates the CA or uses it, and issues the certificate of a first machine:', '', ...shell('sh ca.sh')],
          ],
        ] as const)),
    ['AWS', awsSteps(setup)],
    [`The machine: ${runsOn}`, machineSteps(setup)],
  ];
  return [
    `# Next steps for ${setup.name}`,
    '',
    trust.accepts,
    ...(authority.kind === 'new'
      ? [
          '',
          'The CA is a throwaway one: its key, ca.key, is in this directory without a passphrase. Use another CA for machines that matter.',
        ]
      : []),
    ...(role.permissions || role.managedPolicyArns.length > 0
      ? []
      : ['', `The role ${role.name} has no permissions yet: its sessions can only call sts:GetCallerIdentity.`]),
    ...sections.flatMap(([title, text], index) => ['', `## ${index + 1}. ${title}`, '', ...text]),
    '',
  ].join('\n');
}

function awsSteps(setup: Setup): string[] {
  return [
    `Choose one of three. Each creates trust anchor, role and profile in ${setup.region}, and writes their ARNs into`,
    `${configurationFile(setup.runsOn)}.`,
    '',
    'CloudFormation:',
    '',
    ...shell(...cloudFormationCommands(setup)),
    '',
    'Terraform or OpenTofu:',
    '',
    ...shell('tofu init && tofu apply', 'sh set-arns.sh $(tofu output -raw arns)'),
    '',
    'AWS CLI:',
    '',
    ...shell('sh create.sh'),
    ...(setup.authority.revocationList === undefined
      ? []
      : [
          '',
          'After CloudFormation or Terraform, import the revocation list:',
          '',
          ...shell('sh import-crl.sh TRUST-ANCHOR-ARN'),
        ]),
  ];
}

function machineSteps(setup: Setup): string[] {
  const { runsOn, authority } = setup;
  return [
    ...(authority.kind === 'bundle' && runsOn !== 'kubernetes'
      ? ['device.pem and device.key stand for the certificate and key of the machine.', '']
      : []),
    ...(runsOn === 'kubernetes' ? ['In a checkout of imds-anywhere, with cert-manager in the cluster:', ''] : []),
    ...shell(...placeSteps(setup)),
  ];
}

function shell(...lines: readonly string[]): string[] {
  return ['```sh', ...lines, '```'];
}
