// `npm run build && npm run bench:floods -- [--seconds N] [FLOOD...]`.
import { runTypeScript } from './run-typescript.mjs';

await runTypeScript('test/hostile/bench-floods.ts');
