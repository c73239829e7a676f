import type { Command } from '../../core/commands.ts';
import type { AdHocCommand } from './api.ts';
import { argumentsOf, fieldOf, resultOf, runCommand } from './rendering.ts';
import { standardCommands } from './standard-commands.ts';

/**
 * The commands of operators as administrators find them with a client: those that XEP-0133 names, then all under names of
 * our own. Those that work on files of the machine are left to the command line.
 */
export function operatorCommands(commands: readonly Command[]): readonly AdHocCommand<unknown>[] {
  const offered = new Map<string, Command>();
  // Features define a command on each host; as everywhere, the first of a name is the one that runs.
  for (const command of commands) {
    if (command.needsMachine !== true && !offered.has(command.name)) offered.set(command.name, command);
  }
  return [...standardCommands(offered), ...[...offered.values()].map(asAdHocCommand)];
}

function asAdHocCommand(command: Command): AdHocCommand<unknown> {
  const { name, summary, parameters } = command;
  return {
    // `user add` is `urn:parley:user-add`.
    node: `urn:parley:${name.replaceAll(' ', '-')}`,
    name: summary.replace(/\.$/, ''),
    permission: 'administer',
    async execute({ action, values }) {
      if (action === 'begin' && parameters.length > 0) {
        return { form: { title: name, instructions: summary, fields: parameters.map(fieldOf) } };
      }
      const { answer, text } = await runCommand(command, argumentsOf(parameters, values));
      return resultOf(name, answer, text);
    },
  };
}
