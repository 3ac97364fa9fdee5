// Plays a fleet of hosts through a bad day in virtual time: npm run simulate -- --scenario power --hosts 10000
import { runTypeScript } from './run-typescript.mjs';

await runTypeScript('test/simulation/simulate.ts');
