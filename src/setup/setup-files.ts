import { authorityRecipe } from './authority-recipe.ts';
import { createScript, importScript, setArnsScript } from './aws-script.ts';
import { cloudFormation } from './cloudformation.ts';
import { emulatedAccount } from './emulated-account.ts';
import { nextSteps } from './next-steps.ts';
import { configurationFile, placeFiles, type SetupFile } from './place-files.ts';
import type { Setup } from './setup.ts';
import { terraform } from './terraform.ts';

/** Everything that is made from the model, by name relative to the directory. */
export function setupFiles(setup: Setup): readonly SetupFile[] {
  const { authority, role, trust } = setup;
  const recipe = authorityRecipe(setup);
  return [
    { name: 'NEXT-STEPS.md', text: nextSteps(setup) },
    ...optional('ca.sh', recipe, 0o755),
    ...optional('trust-anchor.pem', authority.certificates),
    ...optional('revocation-list.pem', authority.revocationList),
    { name: 'trust-policy.json', text: json(trust.document) },
    ...optional('permissions.json', role.permissions && json(role.permissions)),
    { name: 'cloudformation.yaml', text: cloudFormation(setup) },
    { name: 'main.tf', text: terraform(setup) },
    { name: 'create.sh', text: createScript(setup), mode: 0o755 },
    ...optional('import-crl.sh', authority.revocationList && importScript(setup), 0o755),
    { name: 'set-arns.sh', text: setArnsScript(configurationFile(setup.runsOn)), mode: 0o755 },
    ...placeFiles(setup),
    ...optional('emulator/account.yaml', authority.certificates && emulatedAccount(setup)),
  ];
}

function optional(name: string, text: string | undefined, mode?: number): readonly SetupFile[] {
  return text === undefined ? [] : [{ name, text, ...(mode !== undefined && { mode }) }];
}

function json(value: object): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
