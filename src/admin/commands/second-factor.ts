import { type Arguments, CommandError, type Parameter } from '../../core/commands.ts';
import { type SecondFactors, secondFactors } from '../../features/second-factor/api.ts';
import type { JID } from '../../jid.ts';
import type { BuiltIn, CommandGround } from '../ground.ts';
import { facts } from '../table.ts';
import { accountOf } from './addressing.ts';

const ACCOUNT: Parameter = { name: 'jid', kind: 'jid', doc: 'The user: alice@example.org' };

/** What protects an account beside its password; no secrets. */
type SecondFactorAnswer = {
  readonly jid: string;
  readonly required: boolean;
  readonly app: boolean;
  readonly passkeys: number;
  readonly recoveryCodes: number;
  readonly passwordForClients: boolean;
};

/** Shows what protects an account beside its password. */
export const userSecondFactor: BuiltIn<SecondFactorAnswer> = {
  name: 'user second-factor',
  summary: 'Shows what protects an account beside its password.',
  parameters: [ACCOUNT],
  async run(args, ground) {
    const { jid, factors } = await factorsOf(args, ground);
    const { isRequired, totp, passkeys, recoveryCodes, refusesPasswords } = await factors.of(jid.local);
    return {
      jid: jid.toString(),
      required: isRequired,
      app: totp,
      passkeys,
      recoveryCodes,
      passwordForClients: !refusesPasswords,
    };
  },
  show({ required, app, passkeys, recoveryCodes, passwordForClients }) {
    if (!required) return 'Nothing but the password.';
    return facts([
      ['authenticator app', app ? 'yes' : 'no'],
      ['passkeys', String(passkeys)],
      ['recovery codes left', String(recoveryCodes)],
      ['clients', passwordForClients ? 'log in with the password too' : 'only those with tokens'],
    ]);
  },
};

/** Switches all of it off. */
export const userSecondFactorOff: BuiltIn<{ readonly jid: string }> = {
  name: 'user second-factor-off',
  summary:
    'Lets a user who has lost phone, keys and codes in with the password alone. Make sure that it is the user who asks.',
  parameters: [ACCOUNT],
  async run(args, ground) {
    const { jid, factors } = await factorsOf(args, ground);
    if (!(await factors.remove(jid.local))) throw new CommandError(`${jid} has no second factor`);
    return { jid: jid.toString() };
  },
  show: ({ jid }) => `The password alone is enough for ${jid}.`,
};

async function factorsOf(
  args: Arguments,
  ground: CommandGround,
): Promise<{ readonly jid: JID; readonly factors: SecondFactors }> {
  const { jid, host } = accountOf(args, ground);
  if (!host.services.has(secondFactors)) throw new CommandError('second factors are switched off');
  if (!(await host.users.exists(jid.local))) throw new CommandError(`there is no user ${jid}`);
  return { jid, factors: host.services.use(secondFactors) };
}
