// `npm run build && npm run bench:faults`.
import { runTypeScript } from './run-typescript.mjs';

await runTypeScript('test/soak/bench-faults.ts');
