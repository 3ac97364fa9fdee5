// `npm run build && npm run bench:faults`; docs/reliability.md has a result.
import { runTypeScript } from './run-typescript.mjs';

await runTypeScript('test/soak/bench-faults.ts');
