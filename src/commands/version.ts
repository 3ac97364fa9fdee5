import { version } from '../foundation/version.ts';

export const userAgent = `imds-anywhere/${version}`;
