import { CommandError } from '../../core/commands.ts';
import type { FeatureHost } from '../../core/feature.ts';
import { StanzaError } from '../../errors.ts';
import { type Client, type ClientAccess, clientAccess } from '../client-management/api.ts';
import type { FieldOption } from '../shared/data-form.ts';
import { dateTime } from '../shared/date-time.ts';
import { type AdHocCommand, BAD_PAYLOAD } from './api.ts';

/** What owners can do with their accounts, whatever else is there: the password, and who has access. */
export function accountCommands(host: FeatureHost): readonly AdHocCommand[] {
  const access = host.find(clientAccess);
  return [changePassword(host), ...(access === undefined ? [] : [listClients(access), revokeAccess(host, access)])];
}

function changePassword(host: FeatureHost): AdHocCommand {
  return {
    node: 'urn:parley:account-password',
    name: 'Change the password of your account',
    permission: 'change-password',
    async execute({ action, caller: { jid }, values }) {
      if (!host.settings.current.registration.allowPasswordChange) {
        throw new CommandError('Users cannot change their passwords here.');
      }
      if (action === 'begin') {
        return {
          form: {
            title: 'New password',
            instructions: 'All other devices have to log in again.',
            fields: [
              { name: 'password', type: 'text-private', label: 'The new password' },
              { name: 'password-verify', type: 'text-private', label: 'Once more' },
            ],
          },
        };
      }
      const password = values.text('password') ?? '';
      if (password !== values.text('password-verify')) {
        throw new StanzaError('bad-request', { text: 'the passwords are not the same', app: BAD_PAYLOAD });
      }
      await host.users.setPassword(jid.local, password, jid);
      host.log.info('account.password-changed', { jid: jid.bare().toString() });
      return { notes: [{ type: 'info', text: 'The password is changed.' }] };
    },
  };
}

function listClients(access: ClientAccess): AdHocCommand {
  return {
    node: 'urn:parley:account-clients',
    name: 'List what has access to your account',
    permission: 'list-clients',
    async execute({ caller: { jid } }) {
      const rows = (await access.list(jid.local)).map((client) => ({
        id: client.id,
        software: nameOf(client),
        device: client.agent.device ?? '',
        'first-seen': dateTime(client.firstSeen),
        'last-seen': dateTime(client.lastSeen),
        connected: client.isConnected ? '1' : '0',
      }));
      const columns = [
        { name: 'id', label: 'Identifier' },
        { name: 'software', label: 'Software' },
        { name: 'device', label: 'Device' },
        { name: 'first-seen', label: 'First seen' },
        { name: 'last-seen', label: 'Last seen' },
        { name: 'connected', label: 'Connected', type: 'boolean' },
      ] as const;
      return { result: { title: 'Access to your account', table: { columns, rows } } };
    },
  };
}

function revokeAccess(host: FeatureHost, access: ClientAccess): AdHocCommand {
  return {
    node: 'urn:parley:account-revoke',
    name: 'Take access to your account away',
    permission: 'manage-clients',
    async execute({ action, caller: { jid }, values }) {
      if (action === 'begin') {
        const options = (await access.list(jid.local)).map(optionOf);
        return {
          form: {
            title: 'Take access away',
            instructions: 'The sessions of the client end, and what it logs in with is of no use any more.',
            fields: [{ name: 'id', type: 'list-single', label: 'What has access', options }],
          },
        };
      }
      const id = values.text('id') ?? '';
      const revoked = await access.revoke(jid.local, id);
      host.log.info('client.revoked', { jid: jid.bare().toString(), ...revoked });
      if (!revoked.needsNewPassword) return { notes: [{ type: 'info', text: 'It has no access any more.' }] };
      throw new CommandError('Its sessions are ended, but it knows the password: only a new one keeps it out.');
    },
  };
}

function optionOf(client: Client): FieldOption {
  const parts = [nameOf(client), client.agent.device ?? '', `last seen ${dateTime(client.lastSeen)}`];
  return { value: client.id, label: parts.filter((part) => part !== '').join(', ') };
}

function nameOf({ id, agent: { software, softwareVersion } }: Client): string {
  if (software === undefined) return id;
  return softwareVersion === undefined ? software : `${software} ${softwareVersion}`;
}
