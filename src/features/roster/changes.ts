import type { JID } from '../../jid.ts';
import type { Roster, RosterItem } from './api.ts';

/** What has become of a contact: it has another item, or none any more. */
export interface ItemChange {
  readonly contact: JID;
  readonly item: RosterItem | undefined;
}

/** What makes one roster of another: removals, then additions, then changes, each in the roster's order. */
export function changesBetween(before: Roster, after: Roster): readonly ItemChange[] {
  const removed: ItemChange[] = [];
  const added: ItemChange[] = [];
  const changed: ItemChange[] = [];
  for (const [key, { jid }] of before.items) {
    if (!after.items.has(key)) removed.push({ contact: jid, item: undefined });
  }
  for (const [key, item] of after.items) {
    const old = before.items.get(key);
    if (old === undefined) added.push({ contact: item.jid, item });
    else if (!isSame(old, item)) changed.push({ contact: item.jid, item });
  }
  return [...removed, ...added, ...changed];
}

function isSame(a: RosterItem, b: RosterItem): boolean {
  if (a === b) return true;
  if (a.name !== b.name || a.subscription !== b.subscription || a.ask !== b.ask || a.approved !== b.approved)
    return false;
  return a.groups.length === b.groups.length && a.groups.every((group, i) => group === b.groups[i]);
}
