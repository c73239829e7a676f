import { CommandError } from '../../core/commands.ts';
import { StanzaError } from '../../errors.ts';
import type { Awaitable } from '../../util/awaitable.ts';
import { attr, type Element, el } from '../../xml/element.ts';
import { inputFormElement, resultFormElement } from '../shared/data-form.ts';
import { FormValues, formValues, problemWith } from '../shared/form-values.ts';
import {
  type AdHocCaller,
  type AdHocCommand,
  type AdHocRequest,
  type AdHocResult,
  type AdHocStage,
  BAD_PAYLOAD,
  NS_COMMANDS,
  type StageAction,
} from './api.ts';
import type { Execution, Executions } from './executions.ts';

const ACTIONS = ['execute', 'cancel', 'prev', 'next', 'complete'] as const;
type Action = (typeof ACTIONS)[number];

/** What is said to people is said in English. */
const LANG = 'en';
const ENGLISH = /^(?:en(?:-.*)?|\*|)$/i;

/** A filled in form, or one that was dismissed: XEP-0050 §3.5.1 takes both for the same. */
const FORM_TYPES: readonly string[] = ['submit', 'cancel'];

/**
 * Takes the step of a command that a `<command/>` asks for and returns the answer. The caller may run the command. Throws
 * StanzaError with the conditions of XEP-0050 §4.4.
 */
export function takeStep(
  executions: Executions,
  command: AdHocCommand<unknown>,
  caller: AdHocCaller,
  to: string,
  payload: Element,
): Awaitable<Element> {
  requireEnglish(payload);
  const action = actionOf(payload);
  const id = attr(payload, 'sessionid');
  if (id === undefined) return begin(executions, command, caller, to, action);
  const execution = executions.find(id, caller.session, to, command.node);
  if (execution.isBusy) throw new StanzaError('unexpected-request', { text: 'the last step is not finished' });
  if (action === 'cancel') {
    executions.end(execution);
    return answer(command, id, 'canceled');
  }
  return goOn(executions, execution, caller, stageAction(execution.stage, action), payload);
}

async function begin(
  executions: Executions,
  command: AdHocCommand<unknown>,
  caller: AdHocCaller,
  to: string,
  action: Action,
): Promise<Element> {
  if (action !== 'execute') throw actionError('bad-action', `there is nothing to ${action}: sessionid is missing`);
  executions.checkRoom();
  const outcome = await run(command, { caller, action: 'begin', values: FormValues.NONE, state: undefined });
  if (outcome.form === undefined) return completed(command, executions.pass(caller.session), outcome);
  const { id } = executions.begin({ session: caller.session, to, command, stage: outcome });
  // Nobody is told of it any more, and nobody goes on with it.
  if (caller.session.hasEnded) executions.endAllOf(caller.session);
  return executing(command, id, outcome);
}

async function goOn(
  executions: Executions,
  execution: Execution,
  caller: AdHocCaller,
  action: StageAction,
  payload: Element,
): Promise<Element> {
  const { command, id, stage } = execution;
  const values = action === 'prev' ? FormValues.NONE : valuesFor(stage, payload);
  execution.isBusy = true;
  try {
    const outcome = await run(command, { caller, action, values, state: stage.state });
    if (outcome.form !== undefined) {
      executions.goOn(execution, outcome);
      return executing(command, id, outcome);
    }
    executions.end(execution);
    return completed(command, id, outcome);
  } finally {
    execution.isBusy = false;
  }
}

async function run(
  command: AdHocCommand<unknown>,
  request: AdHocRequest<unknown>,
): Promise<AdHocStage<unknown> | AdHocResult> {
  try {
    return await command.execute(request);
  } catch (error) {
    if (error instanceof CommandError) return { notes: [{ type: 'error', text: error.message }] };
    throw error;
  }
}

function valuesFor({ form }: AdHocStage<unknown>, payload: Element): FormValues {
  const values = formValues(payload, FORM_TYPES) ?? FormValues.NONE;
  const problem = problemWith(values, form.fields);
  if (problem !== undefined) throw new StanzaError('bad-request', { text: problem, app: BAD_PAYLOAD });
  return values;
}

// Clients name a language on the stream without a thought; only one that is asked for here is refused. XEP-0050 §3.7.
function requireEnglish(payload: Element): void {
  if (ENGLISH.test(attr(payload, 'xml:lang') ?? LANG)) return;
  const app = { name: 'bad-locale', ns: NS_COMMANDS };
  throw new StanzaError('bad-request', { text: 'commands speak English only', app });
}

function actionOf(payload: Element): Action {
  const given = attr(payload, 'action') ?? 'execute';
  const action = ACTIONS.find((known) => known === given);
  if (action === undefined) throw actionError('malformed-action', `there is no action "${given}"`);
  return action;
}

function actionError(name: 'bad-action' | 'malformed-action', text: string): StanzaError {
  return new StanzaError('bad-request', { text, app: { name, ns: NS_COMMANDS } });
}

/** What an action means at a stage. XEP-0050 §3.4. */
function stageAction(stage: AdHocStage<unknown>, action: Exclude<Action, 'cancel'>): StageAction {
  const meant = action === 'execute' ? defaultOf(stage) : action;
  if (!allowed(stage).includes(meant)) throw actionError('bad-action', `"${meant}" is not possible now`);
  return meant;
}

function allowed({ actions }: AdHocStage<unknown>): readonly StageAction[] {
  return actions ?? ['complete'];
}

function defaultOf(stage: AdHocStage<unknown>): StageAction {
  return stage.execute ?? (allowed(stage).includes('next') ? 'next' : 'complete');
}

function executing(command: AdHocCommand<unknown>, id: string, stage: AdHocStage<unknown>): Element {
  // In the order of the schema.
  const actions = (['prev', 'next', 'complete'] as const).filter((action) => allowed(stage).includes(action));
  const listed = el('actions', { execute: defaultOf(stage) }, ...actions.map((action) => el(action)));
  return answer(command, id, 'executing', listed, ...notes(stage), inputFormElement(stage.form));
}

function completed(command: AdHocCommand<unknown>, id: string, outcome: AdHocResult): Element {
  const form = outcome.result && resultFormElement(outcome.result);
  return answer(command, id, 'completed', ...notes(outcome), form);
}

function notes(outcome: Pick<AdHocResult, 'notes'>): Element[] {
  return (outcome.notes ?? []).map(({ type, text }) => el('note', { type }, text));
}

function answer(
  { node }: AdHocCommand<unknown>,
  sessionid: string,
  status: 'executing' | 'completed' | 'canceled',
  ...content: (Element | undefined)[]
): Element {
  return el('command', { xmlns: NS_COMMANDS, sessionid, node, status, 'xml:lang': LANG }, ...content);
}
