/** What slots hang on: accounts and sessions. */
export interface SlotOwner {
  readonly slots: unknown[];
}

/** A place for one feature's live state on every owner of a kind. */
export interface Slot<O extends SlotOwner, T> {
  of(owner: O): T;
  set(owner: O, value: T): void;
}

// A slot that has not been read or set.
const EMPTY = Symbol('empty');

/** Hands out slots for one kind of owner; owners hold the values by the slot's number. */
export class SlotTable<O extends SlotOwner> {
  #count = 0;

  /** The slots of a new owner: an array of just the size that is needed. */
  make(): unknown[] {
    return new Array<unknown>(this.#count).fill(EMPTY);
  }

  /** A slot whose value is made by `initial` when it is first read. */
  lazy<T>(initial: () => T): Slot<O, T> {
    const index = this.#count++;
    return {
      of(owner) {
        if (owner.slots[index] === EMPTY) owner.slots[index] = initial();
        return owner.slots[index] as T;
      },
      set(owner, value) {
        owner.slots[index] = value;
      },
    };
  }
}
