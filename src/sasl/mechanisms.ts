import { anonymous } from './anonymous.ts';
import { external } from './external.ts';
import type { SaslContext, SaslMechanism } from './mechanism.ts';
import { oauthbearer } from './oauthbearer.ts';
import { plain } from './plain.ts';
import { Scram, type ScramOptions } from './scram.ts';
import { SCRAM_HASHES } from './scram-keys.ts';

/** Makes the table of all mechanisms by name. One table serves all hosts. */
export function createMechanisms(options: ScramOptions): ReadonlyMap<string, SaslMechanism> {
  const table = new Map<string, SaslMechanism>();
  for (const hash of SCRAM_HASHES) {
    for (const plus of [true, false]) {
      const scram = new Scram(hash, plus, options);
      table.set(scram.name, scram);
    }
  }
  for (const mechanism of [external, oauthbearer, plain, anonymous]) table.set(mechanism.name, mechanism);
  return table;
}

/** The mechanisms of a list of names, in its order; throws RangeError for a name that there is none of. */
export function selectMechanisms(
  table: ReadonlyMap<string, SaslMechanism>,
  names: readonly string[],
): readonly SaslMechanism[] {
  return names.map((name) => {
    const mechanism = table.get(name);
    if (mechanism === undefined) throw new RangeError(`there is no SASL mechanism ${name}`);
    return mechanism;
  });
}

/** Those of the configured mechanisms that can be offered on a stream, in the order configured. */
export function offered(context: SaslContext, configured: readonly SaslMechanism[]): readonly SaslMechanism[] {
  return configured.filter((mechanism) => mechanism.usable(context));
}
