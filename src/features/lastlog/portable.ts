import type { PortablePart } from '../../core/portable.ts';
import { is } from '../../stanza.ts';
import { attr, type Element, el } from '../../xml/element.ts';
import { dateTime } from '../shared/date-time.ts';
import type { LazyTable } from '../shared/lazy-table.ts';
import type { Occasion } from './api.ts';

/** XEP-0227 has no place for it; others ignore it. */
const NS = 'urn:parley:activity:0';
const MAX_ADDRESS = 64;

/** Only the last of each kind is kept. When the account was made is kept with the account. */
export interface Entry {
  readonly login?: Occasion | undefined;
  readonly logout?: Occasion | undefined;
}

/** When an account was last used; `keep` takes out what is not to be kept. */
export function portableLog(entries: LazyTable<Entry>, keep: (occasion: Occasion) => Occasion): PortablePart {
  return {
    name: 'times of login and logout',
    async *export({ domain, local }) {
      const { login, logout } = (await entries.get(domain, local)) ?? {};
      const known = [occasion('login', login), occasion('logout', logout)].filter((element) => element !== undefined);
      yield* known;
    },
    async import({ domain, local }, element, tally) {
      const kind = (['login', 'logout'] as const).find((name) => is(element, name, NS));
      if (kind === undefined) return false;
      const at = Date.parse(attr(element, 'at') ?? '');
      const address = attr(element, 'address')?.slice(0, MAX_ADDRESS);
      const isKnown = (await entries.get(domain, local))?.[kind] !== undefined;
      if (Number.isNaN(at)) tally.skipped(`the last ${kind}`, 'it has no time');
      else if (isKnown) tally.had();
      else {
        await entries.putNow([domain, local], { [kind]: keep({ at, address }) });
        tally.took();
      }
      return true;
    },
  };
}

function occasion(name: string, { at, address }: Partial<Occasion> = {}): Element | undefined {
  return at === undefined ? undefined : el(name, { xmlns: NS, at: dateTime(at), address });
}
