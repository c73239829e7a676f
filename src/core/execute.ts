import { StanzaError } from '../errors.ts';
import {
  type Arguments,
  type Command,
  type CommandDescription,
  CommandError,
  type Json,
  type Progress,
} from './commands.ts';

/** What became of a command: its answer, as data and as text for people, or why there is none. */
export type Outcome =
  | { readonly ok: true; readonly answer: Json; readonly text: string }
  | { readonly ok: false; readonly error: string };

/**
 * Runs a command by its name, wherever it was asked for: every rendering comes through here. Never rejects; `bug` is told
 * of what no command should throw.
 */
export async function execute(
  commands: readonly Command[],
  request: { readonly command: string; readonly args: Arguments },
  bug: (error: unknown) => void,
  progress?: Progress,
): Promise<Outcome> {
  const command = commands.find(({ name }) => name === request.command);
  if (command === undefined) return { ok: false, error: `there is no command "${request.command}"` };
  try {
    checkArguments(command, request.args);
    const answer = await command.run(request.args, progress);
    return { ok: true, answer, text: command.show?.(answer) ?? JSON.stringify(answer, undefined, 2) };
  } catch (error) {
    if (error instanceof CommandError) return { ok: false, error: error.message };
    if (error instanceof StanzaError) return { ok: false, error: error.text ?? `refused: ${error.condition}` };
    bug(error);
    return { ok: false, error: `"${command.name}" failed because of a fault in the program` };
  }
}

/** The type of the values of each kind of parameter. */
const TYPES = { text: 'string', jid: 'string', secret: 'string', count: 'number', flag: 'boolean' } as const;

/** Refuses arguments that the command does not take. Throws CommandError. */
function checkArguments({ name, parameters }: CommandDescription, args: Arguments): void {
  for (const parameter of parameters) {
    const value = args[parameter.name];
    const isNeedless = parameter.unless !== undefined && args[parameter.unless] === true;
    if (value === undefined && (parameter.optional === true || isNeedless)) continue;
    if (value === undefined) throw new CommandError(`"${name}" needs ${parameter.name}`);
    if (typeof value !== TYPES[parameter.kind]) throw new CommandError(`${parameter.name} is not a ${parameter.kind}`);
    if (parameter.kind === 'count' && !(Number.isSafeInteger(value) && Number(value) >= 1)) {
      throw new CommandError(`${parameter.name} is not a whole number from 1`);
    }
  }
  const unknown = Object.keys(args).find((given) => !parameters.some((parameter) => parameter.name === given));
  if (unknown !== undefined) throw new CommandError(`"${name}" takes no ${unknown}`);
}
