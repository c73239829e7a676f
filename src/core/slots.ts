/** What slots hang on: accounts and sessions. */
export interface SlotOwner {
  readonly slots: unknown[];
}

/** A place for one feature's live state on every owner of a kind. */
export interface Slot<O extends SlotOwner, T> {
  of(owner: O): T;
  set(owner: O, value: T): void;
}

/** Hands out slots for one kind of owner; owners hold the values by the slot's number. */
export class SlotTable<O extends SlotOwner> {
  #count = 0;

  /** A slot whose value is made by `initial` when it is first read. */
  lazy<T>(initial: () => T): Slot<O, T> {
    const index = this.#count++;
    return {
      of(owner) {
        if (!(index in owner.slots)) owner.slots[index] = initial();
        return owner.slots[index] as T;
      },
      set(owner, value) {
        owner.slots[index] = value;
      },
    };
  }
}
