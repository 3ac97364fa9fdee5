import { containerCredentials, isAtContainerDoor, wayToContainerDoor } from './container-variables.ts';
import { missingProfile, profileCredentials, staticKeys, unusableFiles, webIdentity } from './credential-sources.ts';
import { emptyVariables } from './empty-variables.ts';
import { endpoint, endpointForm } from './endpoint-form.ts';
import type { Caller, Finding, Rule } from './finding.ts';
import { endpointMode, metadataDisabled, proxy, region } from './switches.ts';

/** In the order in which an SDK stumbles. */
const BEFORE_DOORS: readonly Rule[] = [
  ...[staticKeys, webIdentity, emptyVariables, unusableFiles, missingProfile, profileCredentials, endpointMode],
];
const ON_THE_WAY_TO_IMDS: readonly Rule[] = [metadataDisabled, endpoint, proxy];

/** Everything in a caller's environment and files that wins over a door or breaks the way to it. */
export function checkEnvironment(caller: Caller): readonly Finding[] {
  return [...BEFORE_DOORS, ...onTheWay(caller), region].flatMap((rule) => rule(caller));
}

function onTheWay(caller: Caller): readonly Rule[] {
  if (caller.door.client) return [wayToContainerDoor, endpointForm];
  return [containerCredentials, ...(isAtContainerDoor(caller) ? [endpointForm] : ON_THE_WAY_TO_IMDS)];
}
