import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { promisify } from 'node:util';
import { commandError } from './command-errors.ts';

/** The complete client. It does not know imds-anywhere. */
export const SDK_PROGRAM = `import { STSClient, GetCallerIdentityCommand } from '@aws-sdk/client-sts';
const sts = new STSClient();
console.log((await sts.send(new GetCallerIdentityCommand())).Arn);`;

const WITH_KEY_ID = `${SDK_PROGRAM}\nconsole.log((await sts.config.credentials()).accessKeyId);`;

export interface CallerIdentity {
  readonly arn: string;
  readonly accessKeyId: string;
}

export interface SdkSurroundings {
  readonly endpointUrl: string;
  readonly emulatorUrl: string;
  readonly region: string;
  readonly directory: string;
}

/**
 * Runs {@link SDK_PROGRAM} in its own process, in an environment without other sources of
 * credentials.
 */
export async function callerIdentity({
  endpointUrl,
  emulatorUrl,
  region,
  directory,
}: SdkSurroundings): Promise<CallerIdentity> {
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', WITH_KEY_ID], {
    cwd: sdkDirectory(),
    timeout: 30_000,
    env: {
      PATH: process.env['PATH'],
      HOME: directory,
      AWS_REGION: region,
      AWS_EC2_METADATA_SERVICE_ENDPOINT: endpointUrl,
      AWS_EC2_METADATA_V1_DISABLED: 'true',
      AWS_ENDPOINT_URL_STS: emulatorUrl,
    },
  });
  const [arn = '', accessKeyId = ''] = stdout.trim().split('\n');
  return { arn, accessKeyId };
}

/** A directory from which the SDK can be imported: that of this program, or the working directory. */
function sdkDirectory(): string {
  const found = [import.meta.dirname, process.cwd()].find((directory) => {
    try {
      return createRequire(`${directory}/`).resolve('@aws-sdk/client-sts') !== '';
    } catch {
      return false;
    }
  });
  if (found !== undefined) return found;
  throw commandError('DEMO_NEEDS_SDK', 'the demo runs a real AWS SDK, and @aws-sdk/client-sts is not installed here');
}
