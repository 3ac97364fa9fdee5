// `npm run build && npm run conformance [-- NAME...]`, after test/conformance/install.sh.
import { runTypeScript } from './run-typescript.mjs';

await runTypeScript('test/conformance/conformance.ts');
