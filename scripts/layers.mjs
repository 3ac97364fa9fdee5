// Checks the imports between rooms. Also checks the number of modules, because a checker that sees
// none would always pass.
import { readdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { cruise } from 'dependency-cruiser';
import extractTSConfig from 'dependency-cruiser/config-utl/extract-ts-config';

const { forbidden, options } = createRequire(import.meta.url)('../.dependency-cruiser.cjs');
const { output } = await cruise(['src'], { ...options, ruleSet: { forbidden }, validate: true }, undefined, {
  tsConfig: extractTSConfig('tsconfig.json'),
});

const seen = output.modules.filter(({ source }) => source.startsWith('src/')).length;
const there = (await readdir('src', { recursive: true })).filter((file) => file.endsWith('.ts')).length;
const libraries = new Set(
  output.modules.flatMap(({ source }) => source.match(/node_modules\/((?:@[^/]+\/)?[^/]+)/)?.[1] ?? []),
);
for (const { rule, from, to } of output.summary.violations) console.error(`${rule.name}: ${from} -> ${to}`);
console.log(
  `layers: ${seen} of ${there} modules, ${libraries.size} libraries, ${output.summary.violations.length} violations`,
);
process.exit(output.summary.violations.length === 0 && seen === there && libraries.size > 5 ? 0 : 1);
