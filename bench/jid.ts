import { JID } from '../src/jid.ts';

const COUNT = 200_000;

/** Texts that no cache has seen, built from parts so that each is a fresh string as from a parser. */
function fresh(make: (index: number) => string): string[] {
  return Array.from({ length: COUNT }, (_, index) => Buffer.from(make(index)).toString());
}

function measure(name: string, texts: readonly string[]): void {
  const start = performance.now();
  for (const text of texts) JID.parse(text);
  const ns = ((performance.now() - start) * 1e6) / texts.length;
  console.log(`${name.padEnd(44)} ${ns.toFixed(0).padStart(7)} ns`);
}

const sameText = Array.from({ length: COUNT }, () => 'juliet@capulet.example/balcony');

for (const round of [1, 2]) {
  console.log(`round ${round}`);
  measure('hit, same string', sameText);
  measure(
    'hit, fresh string',
    fresh(() => 'juliet@capulet.example/balcony'),
  );
  measure(
    'hit, 5000 addresses',
    fresh((index) => `user-${index % 5000}@capulet.example/balcony`),
  );
  measure(
    'miss, ASCII',
    fresh((index) => `user-${round}-${index}@capulet.example/balcony`),
  );
  measure(
    'miss, ASCII in upper case',
    fresh((index) => `User-${round}-${index}@Capulet.example/balcony`),
  );
  measure(
    'miss, Unicode localpart',
    fresh((index) => `джульетта-${round}-${index}@capulet.example/balcony`),
  );
  measure(
    'miss, Unicode in all parts',
    fresh((index) => `джульетта-${round}-${index}@капулетти.example/балкон`),
  );
}
