import { JID } from '../src/jid.ts';
import { type Bench, type Case, onCpu } from './runner.ts';

const BATCH = 2000;

/** Addresses from text. One unit is one address. */
export const jid: Bench = {
  name: 'jid',
  open: () => [
    parsing('known, the same string', () => SAME),
    parsing('known, a fresh string', (i) => fresh(`juliet@capulet.example/balcony${i % 2}`)),
    parsing('known, of 5000 addresses', (i) => fresh(`user-${i % 5000}@capulet.example/balcony`)),
    parsing('unknown, ASCII', (i) => fresh(`user-${i}@capulet.example/balcony`)),
    parsing('unknown, ASCII in upper case', (i) => fresh(`User-${i}@Capulet.example/balcony`)),
    parsing('unknown, Unicode localpart', (i) => fresh(`джульетта-${i}@capulet.example/balcony`)),
    parsing('unknown, Unicode in all parts', (i) => fresh(`джульетта-${i}@капулетти.example/балкон-${i}`)),
  ],
};

const SAME = 'juliet@capulet.example/balcony';

/** A string that nothing has looked at yet, as from a parser. */
function fresh(text: string): string {
  return Buffer.from(text).toString();
}

/** `make` is given another number each time, so that no cache has seen what it makes of it. */
function parsing(name: string, make: (index: number) => string): Case {
  let next = 0;
  return onCpu(name, (watch) => {
    const texts = watch.without(() => Array.from({ length: BATCH }, () => make(next++)));
    for (const text of texts) JID.parse(text);
    return texts.length;
  });
}
