// `npm run build && npm run soak -- --minutes 30`.
import { runTypeScript } from './run-typescript.mjs';

await runTypeScript('test/soak/soak.ts');
