// `npm run build && npm run plot:metrics`: docs/metrics-outage.svg, from what a daemon tells in four minutes.
import { runTypeScript } from './run-typescript.mjs';

await runTypeScript('test/soak/plot-metrics.ts');
