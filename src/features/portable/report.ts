import type { Tally } from '../../core/portable.ts';
import type { JID } from '../../jid.ts';
import type { ImportSummary } from './api.ts';

/** Beyond so many, what was left out is only counted. */
const MAX_NOTES = 300;
/** How many kinds of elements that nobody knows are told apart. */
const MAX_KINDS = 100;
/** Of a note; names and addresses in it come from the document. */
const MAX_NOTE = 500;

interface Counts {
  taken: number;
  present: number;
  skipped: number;
}

/** Collects what becomes of a document. Its size does not depend on the document's. */
export class Report {
  added = 0;
  merged = 0;
  readonly #parts = new Map<string, Counts>();
  readonly #notes: string[] = [];
  readonly #faults: string[] = [];
  readonly #incomplete: string[] = [];
  readonly #unknown = new Map<string, number>();
  #moreNotes = 0;

  /** Counts what one part of an account is given. */
  tally(part: string, account: JID, formerJid: JID): Tally {
    const counts = this.#parts.get(part) ?? { taken: 0, present: 0, skipped: 0 };
    this.#parts.set(part, counts);
    return {
      formerJid,
      took: () => void counts.taken++,
      had: () => void counts.present++,
      skipped: (what, reason) => {
        counts.skipped++;
        this.note(`${account}: ${what}: ${reason}`);
      },
    };
  }

  /** Says what was left out, and why. */
  note(text: string): void {
    if (this.#notes.length < MAX_NOTES) this.#notes.push(text.slice(0, MAX_NOTE));
    else this.#moreNotes++;
  }

  /** Says what is wrong with the document. */
  fault(text: string, account?: string): void {
    if (this.#faults.length < MAX_NOTES) this.#faults.push(text.slice(0, MAX_NOTE));
    if (account !== undefined && this.#incomplete.length < MAX_NOTES) this.#incomplete.push(account);
  }

  /** Counts an element that no part knows. XEP-0227 §4: the operator should be told. */
  unknown(name: string, ns: string): void {
    const kind = `<${name} xmlns='${ns}'/>`.slice(0, MAX_NOTE);
    if (this.#unknown.has(kind) || this.#unknown.size < MAX_KINDS) {
      this.#unknown.set(kind, (this.#unknown.get(kind) ?? 0) + 1);
    }
  }

  summary(): ImportSummary {
    for (const [kind, count] of this.#unknown) this.note(`${kind} is not known here: left out ${count} times`);
    this.#unknown.clear();
    return {
      added: this.added,
      merged: this.merged,
      parts: Array.from(this.#parts, ([name, counts]) => ({ name, ...counts })),
      notes: [...this.#notes],
      moreNotes: this.#moreNotes,
      faults: [...this.#faults],
      incomplete: [...this.#incomplete],
    };
  }
}
