import { type Arguments, CommandError } from '../../core/commands.ts';
import { KEY_KINDS, type KeyKind, type KeyRotation, keyRotation } from '../../features/oauth/api.ts';
import type { BuiltIn, CommandGround } from '../ground.ts';

const DAY_MS = 86_400_000;
const OVERLAP_DAYS = 90;

/** What was replaced, and for how long what the old keys signed is believed. */
type RotationAnswer = { readonly keys: readonly KeyKind[]; readonly overlapDays: number };

/** Replaces the keys that the server made for applications. */
export const oauthRotateKey: BuiltIn<RotationAnswer> = {
  name: 'oauth rotate-key',
  summary: 'Makes new keys for applications that have access to accounts; old ones are believed for some time more.',
  parameters: [
    {
      name: 'overlap-days',
      kind: 'count',
      optional: true,
      doc: `For how many days old keys are believed; ${OVERLAP_DAYS} unless given`,
    },
    { name: 'at-once', kind: 'flag', optional: true, doc: 'Not at all: every application has to register anew' },
    { name: 'only', kind: 'text', optional: true, doc: 'registration or signing; both unless given' },
  ],
  async run(args, ground) {
    const overlapDays = overlapOf(args);
    const asked = kindsOf(args);
    const hosts = keysOf(ground);
    const keys = asked.filter((kind) => hosts.some((host) => !host.isConfigured(kind)));
    if (keys.length === 0) {
      throw new CommandError('the keys are given by the configuration: change features.oauth there and restart');
    }
    // What the server made is the same for all hosts.
    for (const kind of keys) await hosts[0]?.rotate(kind, overlapDays * DAY_MS);
    for (const host of hosts) await host.reopen();
    return { keys, overlapDays };
  },
  show({ keys, overlapDays }) {
    const made = `Made a new ${keys.join(' key and a new ')} key`;
    return overlapDays === 0
      ? `${made}; the old is not believed any more.`
      : `${made}; the old is believed for ${overlapDays === 1 ? '1 day' : `${overlapDays} days`} more.`;
  },
};

function overlapOf(args: Arguments): number {
  const given = args['overlap-days'];
  if (args['at-once'] !== true) return Number(given ?? OVERLAP_DAYS);
  if (given !== undefined) throw new CommandError('--at-once and --overlap-days exclude each other');
  return 0;
}

function kindsOf(args: Arguments): readonly KeyKind[] {
  const only = args['only'];
  if (only === undefined) return KEY_KINDS;
  const kind = KEY_KINDS.find((known) => known === only);
  if (kind === undefined) throw new CommandError(`--only takes one of ${KEY_KINDS.join(', ')}`);
  return [kind];
}

function keysOf({ hosts }: CommandGround): readonly KeyRotation[] {
  const found = [...hosts.values()].flatMap(({ services }) => services.find(keyRotation) ?? []);
  if (found.length === 0) throw new CommandError('applications have no access here: features.oauth is off');
  return found;
}
