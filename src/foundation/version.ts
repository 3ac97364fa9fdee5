import packageJson from '../../package.json' with { type: 'json' };

export const { version } = packageJson;

/** The User-Agent of requests to AWS. */
export const userAgent = `imds-anywhere/${version}`;
