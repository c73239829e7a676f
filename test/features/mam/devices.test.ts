import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { carbons } from '../../../src/features/carbons/index.ts';
import { csi } from '../../../src/features/csi/index.ts';
import { sm } from '../../../src/features/sm/index.ts';
import { settle } from '../../support/manual-clock.ts';
import { PASSWORD, Stage } from '../../support/stage.ts';
import { Device } from './device.ts';
import { FEATURES } from './scene.ts';

const RESUME_MS = 30_000;
const DEVICES = [
  ['romeo', 'phone'],
  ['romeo', 'laptop'],
  ['juliet', 'phone'],
  ['juliet', 'tablet'],
  ['juliet', 'web'],
] as const;

type Doing = 'say' | 'write' | 'hear' | 'cut' | 'connect' | 'inactive' | 'active' | 'browse' | 'wait' | 'expire';

const steps: fc.Arbitrary<{ readonly do: Doing; readonly device: number; readonly count: number }[]> = fc.array(
  fc.record({
    do: fc.oneof(
      { weight: 8, arbitrary: fc.constant<Doing>('say') },
      { weight: 6, arbitrary: fc.constant<Doing>('hear') },
      { weight: 4, arbitrary: fc.constantFrom<Doing>('cut', 'connect') },
      { weight: 3, arbitrary: fc.constantFrom<Doing>('inactive', 'active', 'browse', 'write', 'wait', 'expire') },
    ),
    device: fc.nat(DEVICES.length - 1),
    count: fc.integer({ min: 1, max: 12 }),
  }),
  { minLength: 20, maxLength: 80 },
);

test('whatever happens to connections, sessions and clients, every device has the same conversation, each message once', async (t) => {
  await fc.assert(
    fc.asyncProperty(steps, async (all) => {
      const stage = await Stage.open(t, {
        features: [carbons, csi, sm, ...FEATURES].sort(byRegistry),
        config: { features: { sm: { resumeMs: RESUME_MS } } },
      });
      for (const user of ['romeo', 'juliet']) await stage.host.users.create(user, PASSWORD);
      const devices = DEVICES.map(([user, resource]) => new Device(stage, user, resource));
      const said: string[] = [];
      for (const device of devices) await device.connect();
      for (const { do: doing, device: which, count } of all) {
        const device = devices[which] as Device;
        if (doing === 'say') {
          said.push(`${said.length}-${which}`);
          device.say(device.user === 'romeo' ? 'juliet' : 'romeo', said.at(-1) ?? '');
        } else if (doing === 'write') device.write(device.user === 'romeo' ? 'juliet' : 'romeo', 'composing');
        else if (doing === 'hear') device.hear(count);
        else if (doing === 'cut') device.cut();
        else if (doing === 'connect') await device.connect();
        else if (doing === 'browse') device.browse();
        else if (doing === 'wait') await stage.clock.advance(1000);
        else if (doing === 'expire') await stage.clock.advance(RESUME_MS + 1000);
        else device.indicate(doing);
        await settle();
      }
      for (const device of devices) await device.connect();
      for (let round = 0; round < 3; round++) for (const device of devices) await device.catchUp();
      await stage.clock.advance(1000);
      // What was still on its way when the others had read everything arrives now; what they missed before is in the archive.
      for (let round = 0; round < 3; round++) for (const device of devices) await device.catchUp();
      compare(devices, said);
      await stage.close();
    }),
    { numRuns: 40, includeErrorInReport: true },
  );
});

function compare(devices: readonly Device[], said: readonly string[]): void {
  const ofAccount = new Map<string, readonly string[]>();
  for (const [i, device] of devices.entries()) {
    const conversation = [...device.known].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, body]) => body);
    const others = said.filter((body) => !body.endsWith(`-${i}`));
    // Of what it has said itself, a device needs no copy.
    const heard = conversation.filter((body) => !body.endsWith(`-${i}`));
    assert.deepEqual([...heard].sort(), [...others].sort(), `device ${i}`);
    const rest = (ofAccount.get(device.user) ?? []).filter((body) => conversation.includes(body));
    if (rest.length > 0)
      assert.deepEqual(
        conversation.filter((body) => rest.includes(body)),
        rest,
        `order of ${i}`,
      );
    ofAccount.set(device.user, conversation);
    for (let by = 0; by < devices.length; by++) {
      const numbers = conversation.filter((body) => body.endsWith(`-${by}`)).map((body) => Number.parseInt(body, 10));
      assert.deepEqual(
        numbers,
        [...numbers].sort((a, b) => a - b),
        `what ${by} said, at ${i}`,
      );
    }
  }
}

function byRegistry({ name: a }: { readonly name: string }, { name: b }: { readonly name: string }): number {
  const order = ['roster', 'presence', 'mam', 'carbons', 'offline', 'disco', 'csi', 'sm'];
  return order.indexOf(a) - order.indexOf(b);
}
