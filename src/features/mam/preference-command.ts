import { StanzaError } from '../../errors.ts';
import { JidError } from '../../jid.ts';
import { type AdHocCommand, BAD_PAYLOAD } from '../adhoc/api.ts';
import type { InputForm } from '../shared/data-form.ts';
import type { FormValues } from '../shared/form-values.ts';
import type { Archives } from './archives.ts';
import { EVERYTHING, MAX_ADDRESSES } from './preferences.ts';
import type { Preferences } from './records.ts';

/** The account's archiving preferences as a form, for clients that know nothing of them. XEP-0441 §3. */
export function preferenceCommand(archives: Archives): AdHocCommand {
  return {
    node: 'urn:xmpp:mam#configure',
    name: 'Message archive preferences',
    permission: 'write-account',
    async execute({ caller, action, values }) {
      const archive = await archives.open(caller.account.jid);
      if (action === 'begin') return { form: form(archive.preferences ?? EVERYTHING) };
      await archive.setPreferences(read(values));
      return { notes: [{ type: 'info', text: 'Your preferences are kept.' }] };
    },
  };
}

function form(preferences: Preferences): InputForm {
  return {
    title: 'Message archive',
    instructions: 'Whose messages are kept on the server, so that all your devices have them.',
    formType: 'urn:xmpp:mam#configure',
    fields: [
      {
        name: 'default',
        type: 'list-single',
        label: 'Keep messages',
        value: preferences.default,
        options: [
          { value: 'always', label: 'of everybody' },
          { value: 'roster', label: 'of my contacts' },
          { value: 'never', label: 'of nobody' },
        ],
      },
      { name: 'always', type: 'jid-multi', label: 'But always of', value: preferences.always, isOptional: true },
      { name: 'never', type: 'jid-multi', label: 'And never of', value: preferences.never, isOptional: true },
    ],
  };
}

function read(values: FormValues): Preferences {
  const preference = values.text('default');
  if (preference !== 'always' && preference !== 'never' && preference !== 'roster') {
    throw new StanzaError('bad-request', { text: 'choose whose messages to keep', app: BAD_PAYLOAD });
  }
  const [always, never] = [addresses(values, 'always'), addresses(values, 'never')];
  if (always.length + never.length > MAX_ADDRESSES) {
    throw new StanzaError('policy-violation', { text: `no more than ${MAX_ADDRESSES} addresses`, app: BAD_PAYLOAD });
  }
  return { default: preference, always, never };
}

function addresses(values: FormValues, name: string): string[] {
  try {
    return [...new Set(values.jids(name).map(String))];
  } catch (error) {
    if (error instanceof JidError) throw new StanzaError('bad-request', { text: error.message, app: BAD_PAYLOAD });
    throw error;
  }
}
