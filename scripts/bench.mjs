// `npm run build && npm run bench -- [--rows KEY,KEY] [--rounds N] [--write]`.
import { runTypeScript } from './run-typescript.mjs';

await runTypeScript('test/bench/bench.ts');
