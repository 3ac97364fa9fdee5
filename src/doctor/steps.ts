import { ACCOUNT } from './account-step.ts';
import { ENDPOINTS } from './endpoint-steps.ts';
import { FILES, IDENTITY, TAGS } from './host-steps.ts';
import { CLOCK, CONNECTION, NAME, WAY } from './network-steps.ts';
import { CALLER, RENEWAL, SERVICE } from './program-steps.ts';
import { CHAIN, SESSION } from './session-steps.ts';
import type { Step } from './step.ts';

/** In the order of the path. The configuration comes before them. */
export const STEPS: readonly Step[] = [
  FILES,
  IDENTITY,
  TAGS,
  WAY,
  NAME,
  CONNECTION,
  CLOCK,
  ACCOUNT,
  SESSION,
  CHAIN,
  SERVICE,
  ENDPOINTS,
  CALLER,
  RENEWAL,
];
