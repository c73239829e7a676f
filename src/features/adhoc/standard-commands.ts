import { type Arguments, type Command, CommandError, type Json } from '../../core/commands.ts';
import type { InputField, ResultField } from '../shared/data-form.ts';
import type { FormValues } from '../shared/form-values.ts';
import type { AdHocCommand, AdHocNote, AdHocResult } from './api.ts';
import { runCommand } from './rendering.ts';

const NS_ADMIN = 'http://jabber.org/protocol/admin';

/** How many accounts one form may name: each takes a write. */
const MAX_ACCOUNTS = 100;

/** A command of XEP-0133 as a rendering of one of ours. */
interface Standard {
  /** Behind `http://jabber.org/protocol/admin#`. */
  readonly node: string;
  readonly name: string;
  readonly command: string;
  readonly fields: readonly InputField[];
  /** Runs of the command, one after the other. Throws CommandError. */
  runs(values: FormValues): readonly Arguments[];
  /** What the answers of all runs say. */
  result(answers: readonly Json[]): readonly ResultField[];
}

const ACCOUNT: InputField = { name: 'accountjid', type: 'jid-single', label: 'The Jabber ID of the account' };
const ACCOUNTS: InputField = { name: 'accountjids', type: 'jid-multi', label: 'The Jabber IDs of the accounts' };
const PASSWORD: InputField = { name: 'password', type: 'text-private', label: 'The password for this account' };
const AGAIN: InputField = { name: 'password-verify', type: 'text-private', label: 'Retype password' };
/** The answers that XEP-0133 expects to this field are these. */
const MAX_ITEMS: InputField = {
  name: 'max_items',
  type: 'list-single',
  label: 'Maximum number of items to show',
  isOptional: true,
  value: '100',
  options: ['25', '50', '75', '100', '150', '200', 'none'].map((value) => ({ value })),
};

const nothing = (): readonly ResultField[] => [];

const STANDARD: readonly Standard[] = [
  {
    node: 'add-user',
    name: 'Add User',
    command: 'user add',
    fields: [ACCOUNT, PASSWORD, AGAIN],
    runs(values) {
      const password = values.text('password');
      if (password !== values.text('password-verify')) throw new CommandError('the passwords are not the same');
      return [{ jid: values.text('accountjid'), password }];
    },
    result: nothing,
  },
  {
    node: 'delete-user',
    name: 'Delete User',
    command: 'user remove',
    fields: [ACCOUNTS],
    runs: forEachAccount,
    result: nothing,
  },
  {
    node: 'end-user-session',
    name: 'End User Session',
    command: 'session kick',
    fields: [ACCOUNTS],
    runs: forEachAccount,
    result: nothing,
  },
  {
    node: 'change-user-password',
    name: 'Change User Password',
    command: 'user passwd',
    fields: [ACCOUNT, PASSWORD],
    runs: (values) => [{ jid: values.text('accountjid'), password: values.text('password') }],
    result: nothing,
  },
  {
    node: 'get-user-lastlogin',
    name: 'Get User Last Login Time',
    command: 'user lastlog',
    fields: [ACCOUNTS],
    runs: forEachAccount,
    result: (answers) => [
      {
        name: 'accountjids',
        type: 'jid-multi',
        label: ACCOUNTS.label,
        value: answers.map((one) => textAt(one, 'jid')),
      },
      {
        name: 'lastlogin',
        type: 'text-multi',
        label: 'Last login',
        value: answers.map((one) => textAt(at(one, 'login'), 'at')),
      },
    ],
  },
  {
    node: 'get-registered-users-list',
    name: 'Get List of Registered Users',
    command: 'user list',
    fields: [MAX_ITEMS],
    runs: atMost,
    result: (answers) => [jidList('registereduserjids', 'The list of all users', listed(answers, 'users'))],
  },
  {
    node: 'get-online-users-list',
    name: 'Get List of Online Users',
    command: 'session list',
    fields: [MAX_ITEMS],
    runs: atMost,
    result: (answers) => {
      const users = listed(answers, 'sessions').map((jid) => jid.split('/', 1)[0] ?? jid);
      return [jidList('onlineuserjids', 'The list of all online users', [...new Set(users)])];
    },
  },
];

/** The commands that XEP-0133 names and whose counterpart of ours is there. */
export function standardCommands(commands: ReadonlyMap<string, Command>): readonly AdHocCommand<unknown>[] {
  return STANDARD.flatMap((standard) => {
    const command = commands.get(standard.command);
    return command === undefined ? [] : [asAdHocCommand(standard, command)];
  });
}

function asAdHocCommand({ node, name, fields, runs, result }: Standard, command: Command): AdHocCommand<unknown> {
  return {
    node: `${NS_ADMIN}#${node}`,
    name,
    permission: 'administer',
    execute({ action, values }) {
      if (action !== 'begin') return runAll(name, command, runs(values), result);
      return { form: { title: name, instructions: command.summary, formType: NS_ADMIN, fields } };
    },
  };
}

async function runAll(
  title: string,
  command: Command,
  runs: readonly Arguments[],
  result: Standard['result'],
): Promise<AdHocResult> {
  const answers: Json[] = [];
  const texts: string[] = [];
  const notes = (): AdHocNote[] => texts.map((text) => ({ type: 'info', text }));
  for (const args of runs) {
    try {
      const { answer, text } = await runCommand(command, args);
      answers.push(answer);
      texts.push(text);
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      const refusal: AdHocNote = { type: 'error', text: refusalOf(args, error) };
      // What is done already is not undone, and is said.
      return { notes: result === nothing ? [...notes(), refusal] : [refusal] };
    }
  }
  const fields = result(answers);
  return fields.length > 0 ? { result: { title, formType: NS_ADMIN, fields } } : { notes: notes() };
}

// Of several accounts, one has to be named.
function refusalOf({ jid }: Arguments, { message }: CommandError): string {
  return jid === undefined || message.includes(String(jid)) ? message : `${jid}: ${message}`;
}

function forEachAccount(values: FormValues): readonly Arguments[] {
  const jids = new Set(values.list('accountjids'));
  if (jids.size > MAX_ACCOUNTS) throw new CommandError(`at most ${MAX_ACCOUNTS} accounts at a time`);
  return [...jids].map((jid) => ({ jid }));
}

function atMost(values: FormValues): readonly Arguments[] {
  const limit = Number(values.text('max_items') ?? 'none');
  return [Number.isNaN(limit) ? {} : { limit }];
}

function jidList(name: string, label: string, value: readonly string[]): ResultField {
  return { name, type: 'jid-multi', label, value };
}

function listed(answers: readonly Json[], name: string): readonly string[] {
  const lists = answers.map((answer) => at(answer, name));
  return lists.flatMap((list) => (isList(list) ? list.map((entry) => textAt(entry, 'jid')) : []));
}

function textAt(value: Json, name: string): string {
  const found = at(value, name);
  return typeof found === 'string' ? found : '';
}

function at(value: Json, name: string): Json {
  if (typeof value !== 'object' || value === null || isList(value)) return null;
  return value[name] ?? null;
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}
