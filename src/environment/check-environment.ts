import {
  containerCredentials,
  missingProfile,
  profileCredentials,
  staticKeys,
  unusableFiles,
  webIdentity,
} from './credential-sources.ts';
import { endpoint } from './endpoint-form.ts';
import type { Caller, Finding, Rule } from './finding.ts';
import { endpointMode, metadataDisabled, proxy, region } from './switches.ts';

/** In the order in which an SDK stumbles. */
const RULES: readonly Rule[] = [
  ...[staticKeys, webIdentity, unusableFiles, missingProfile, profileCredentials, containerCredentials],
  ...[metadataDisabled, endpoint, endpointMode, proxy, region],
];

/** Everything in a caller's environment and files that wins over a door or breaks the way to it. */
export function checkEnvironment(caller: Caller): readonly Finding[] {
  return RULES.flatMap((rule) => rule(caller));
}
