/** What slots hang on: accounts and sessions. */
export interface SlotOwner {
  readonly slots: unknown[];
}

/** A place for one feature's live state on every owner of a kind. */
export interface Slot<O extends SlotOwner, T> {
  of(owner: O): T;
  set(owner: O, value: T): void;
}

/** How a slot's value outlives the process, as JSON. */
export interface Keep<T> {
  /** Unique among the slots of a kind of owner. */
  readonly name: string;
  /** The value as JSON; undefined when there is nothing to keep. */
  save(value: T): unknown;
  /** Reads it back; throws on damage. */
  restore(json: unknown): T;
}

// A slot that has not been read or set.
const EMPTY = Symbol('empty');

/** Hands out slots for one kind of owner; owners hold the values by the slot's number. */
export class SlotTable<O extends SlotOwner> {
  #count = 0;
  readonly #kept = new Map<string, { readonly slot: Slot<O, unknown>; readonly keep: Keep<unknown> }>();

  /** The slots of a new owner: an array of just the size that is needed. */
  make(): unknown[] {
    return new Array<unknown>(this.#count).fill(EMPTY);
  }

  /** A slot whose value is made by `initial` when it is first read. */
  lazy<T>(initial: () => T, keep?: Keep<T>): Slot<O, T> {
    const slot = this.#make(initial);
    // Only this slot's own values meet its own `keep`.
    if (keep !== undefined) this.#kept.set(keep.name, { slot, keep } as never);
    return slot;
  }

  /** The values of an owner that outlive the process, by name. */
  save(owner: O): Record<string, unknown> {
    const saved: Record<string, unknown> = {};
    for (const [name, { slot, keep }] of this.#kept) {
      const json = keep.save(slot.of(owner));
      if (json !== undefined) saved[name] = json;
    }
    return saved;
  }

  /** Puts back what `save` returned; what no slot wants any more is dropped. */
  restore(owner: O, saved: Readonly<Record<string, unknown>>): void {
    for (const [name, { slot, keep }] of this.#kept) {
      if (Object.hasOwn(saved, name)) slot.set(owner, keep.restore(saved[name]));
    }
  }

  #make<T>(initial: () => T): Slot<O, T> {
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
