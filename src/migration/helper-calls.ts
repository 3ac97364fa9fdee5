import { shellCommands, type Word } from './shell-words.ts';

/** The place of a command, which decides what replaces it. */
export type Origin =
  /** A profile of ~/.aws/config with this credential_process. */
  | { readonly kind: 'profile'; readonly name: string }
  /** A systemd unit, its `User=`, and whether it sets variables. */
  | { readonly kind: 'unit'; readonly user: string | undefined; readonly hasEnvironment: boolean }
  /** A container in a manifest, an image, or a container started by an engine. */
  | { readonly kind: 'container'; readonly engine?: 'kubernetes' | undefined; readonly name: string | undefined }
  | { readonly kind: 'line' };

/** One call of aws_signing_helper. */
export interface HelperCall {
  /** Counted from 1. */
  readonly line: number;
  readonly origin: Origin;
  /** The arguments. Empty if the program is named but not called. */
  readonly words: readonly Word[];
}

const PROGRAM = /(?:^|[\\/=])aws_signing_helper(?:\.exe)?$/;
/** The official image, or a mirror of it: the program is its entry point. */
const IMAGE = /(?:^|\/)rolesanywhere\/credential-helper(?:[:@].*)?$/;
const NAMED = /aws_signing_helper|rolesanywhere\/credential-helper/;
export const COMMANDS = ['serve', 'credential-process', 'update'] as const;

export function namesHelper(text: string): boolean {
  return NAMED.test(text);
}

export function isSubcommand(word: Word | undefined): boolean {
  return COMMANDS.some((name) => name === word?.text);
}

export function isHelper({ text }: Word): boolean {
  return PROGRAM.test(text) || IMAGE.test(text);
}

/**
 * The arguments of each call in a command. Also finds calls in quotes, as in `sh -c 'exec
 * aws_signing_helper …'`, and after the image in `docker run --entrypoint aws_signing_helper IMAGE
 * serve …`.
 */
export function callsIn(words: readonly Word[]): readonly (readonly Word[])[] {
  const at = words.findIndex(isHelper);
  if (at < 0) {
    const scripts = words.filter(({ text }) => /\s/.test(text) && namesHelper(text));
    return scripts.flatMap(({ text }) => shellCommands(text).flatMap(callsIn));
  }
  // `kubectl run --image … -- serve`, `start-stop-daemon --exec … -- serve`
  const behind = words.slice(words[at + 1]?.text === '--' ? at + 2 : at + 1);
  const isEntrypoint = words.slice(0, at + 1).some(({ text }) => text.startsWith('--entrypoint'));
  const command = behind.findIndex(isSubcommand);
  return [isEntrypoint && command >= 0 ? behind.slice(command) : behind];
}
