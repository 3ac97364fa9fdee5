import { ACCOUNT } from './account-step.ts';
import { FILES, IDENTITY, TAGS } from './host-steps.ts';
import type { Step } from './step.ts';

/** In the order of the path. The configuration comes before them. */
export const STEPS: readonly Step[] = [FILES, IDENTITY, TAGS, ACCOUNT];
