import type { RoleConfig } from '../config/config.ts';

/** A door that all roles share, where the configuration has it. */
export interface ListeningDoor {
  /** Where clients find it. */
  readonly address: string;
  readonly close: () => Promise<void>;
  /** Lets the users connect whom the roles may admit; absent where every user can. */
  readonly openTo?: (roles: readonly RoleConfig[]) => Promise<void>;
}

/** A door on its way from one address to another: exactly one of the two is to be called. */
export interface DoorMove {
  /** Closes the old. */
  readonly done: () => Promise<void>;
  /** Closes the new. */
  readonly undo: () => Promise<void>;
}

interface Placed extends ListeningDoor {
  /** As configured. */
  readonly place: string;
}

/** Opens at the new place before it closes at the old. */
export class MovableDoor<Wanted> {
  readonly #placeOf: (wanted: Wanted) => string;
  readonly #open: (wanted: Wanted) => Promise<ListeningDoor>;
  #door: Placed | undefined;

  /** @param open - rejects with a CodedError when it cannot listen. */
  constructor(placeOf: (wanted: Wanted) => string, open: (wanted: Wanted) => Promise<ListeningDoor>) {
    this.#placeOf = placeOf;
    this.#open = open;
  }

  get address(): string | undefined {
    return this.#door?.address;
  }

  /**
   * @param wanted - undefined: no such door.
   * @throws CodedError when it cannot listen; then everything is as it was.
   */
  async move(wanted: Wanted | undefined): Promise<DoorMove> {
    const before = this.#door;
    const place = wanted === undefined ? undefined : this.#placeOf(wanted);
    if (place === before?.place) return { done: () => Promise.resolve(), undo: () => Promise.resolve() };
    const opened = wanted === undefined ? undefined : await this.#open(wanted);
    this.#door = opened && { ...opened, place: this.#placeOf(wanted as Wanted) };
    return {
      done: async () => before?.close(),
      undo: async () => {
        this.#door = before;
        await opened?.close();
      },
    };
  }

  async openTo(roles: readonly RoleConfig[]): Promise<void> {
    await this.#door?.openTo?.(roles);
  }

  async close(): Promise<void> {
    await this.#door?.close();
    this.#door = undefined;
  }
}
