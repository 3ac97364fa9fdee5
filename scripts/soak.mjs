// `npm run build && npm run soak -- --minutes 30`; docs/reliability.md has a result.
import { runTypeScript } from './run-typescript.mjs';

await runTypeScript('test/soak/soak.ts');
