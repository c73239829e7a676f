import type { TestContext } from 'node:test';
import { CommandError } from '../../../src/core/commands.ts';
import type { Feature } from '../../../src/core/feature.ts';
import { type AdHocCommand, adHoc as adHocService } from '../../../src/features/adhoc/api.ts';
import { adHoc } from '../../../src/features/adhoc/index.ts';
import { disco } from '../../../src/features/disco/index.ts';
import { attr, child, children, type Element, text } from '../../../src/xml/element.ts';
import { DOMAIN, Stage } from '../../support/stage.ts';
import type { StageClient } from '../../support/stage-client.ts';

export const NS = 'http://jabber.org/protocol/commands';
export const ROMEO = `romeo@${DOMAIN}`;

/** Two stages: which lamp, then how bright; what was chosen first is kept in between. */
const lamp: AdHocCommand<{ readonly lamp: string }> = {
  node: 'urn:example:lamp',
  name: 'Set a lamp',
  permission: 'write-account',
  execute({ action, values, state }) {
    if (action === 'begin' || action === 'prev') {
      const value = state === undefined ? {} : { value: state.lamp };
      const options = [{ value: 'hall', label: 'In the hall' }, { value: 'garden' }];
      return {
        form: {
          title: 'Lamps',
          instructions: 'Which lamp?',
          fields: [{ name: 'lamp', type: 'list-single', label: 'Lamp', options, ...value }],
        },
        actions: ['next'],
        ...(state === undefined ? {} : { state }),
      };
    }
    if (action === 'next') {
      return {
        form: {
          fields: [{ name: 'light', type: 'text-single', label: 'Light', range: { min: 0, max: 100 }, value: '50' }],
        },
        actions: ['complete', 'prev'],
        state: { lamp: values.text('lamp') ?? '' },
        notes: [{ type: 'warn', text: 'It is dark.' }],
      };
    }
    return { notes: [{ type: 'info', text: `${state?.lamp} is at ${values.number('light')}.` }] };
  },
};

const list: AdHocCommand = {
  node: 'urn:example:list',
  name: 'List the lamps',
  permission: 'communicate',
  execute: () => ({
    result: {
      title: 'Lamps',
      table: {
        columns: [
          { name: 'lamp', label: 'Lamp' },
          { name: 'light', label: 'Light' },
        ],
        rows: [{ lamp: 'hall', light: '30' }, { lamp: 'garden' }],
      },
    },
  }),
};

const broken: AdHocCommand = {
  node: 'urn:example:broken',
  name: 'Mend the lamps',
  permission: 'communicate',
  execute() {
    throw new CommandError('There is no ladder.');
  },
};

const reset: AdHocCommand = {
  node: 'urn:example:reset',
  name: 'Switch all lamps off',
  permission: 'administer',
  execute: () => ({ notes: [{ type: 'info', text: 'It is dark.' }] }),
};

/** A house with lamps, which one controls by commands. */
export const lamps: Feature = {
  name: 'lamps',
  specs: [],
  setup(host) {
    const commands = host.use(adHocService);
    commands.add(list);
    commands.add(lamp);
    commands.add(broken);
    commands.add(reset);
  },
};

/** The stage with the lamps; `nurse` is an administrator. */
export function openStage(t: TestContext, features: readonly Feature[] = [lamps]): Promise<Stage> {
  // Clients here are silent for longer than they are put up with.
  const limits = { timeouts: { silenceMs: 86_400_000 } };
  return Stage.open(t, { features: [adHoc, disco, ...features], config: { admins: [`nurse@${DOMAIN}`], limits } });
}

/** The element that asks for a step. */
export function command(node: string, attributes = '', fields?: Readonly<Record<string, string>>): string {
  const values = Object.entries(fields ?? {}).map(
    ([name, value]) => `<field var="${name}"><value>${value}</value></field>`,
  );
  const form = fields && `<x xmlns="jabber:x:data" type="submit">${values.join('')}</x>`;
  return `<command xmlns="${NS}" node="${node}" ${attributes}>${form ?? ''}</command>`;
}

/** Takes steps of one execution, one after the other, for a client. */
export class Walk {
  readonly #client: StageClient;
  readonly #node: string;
  readonly #to: string | undefined;
  id = '';

  constructor(client: StageClient, node: string, to?: string) {
    this.#client = client;
    this.#node = node;
    this.#to = to;
  }

  async step(fields?: Readonly<Record<string, string>>, action?: string): Promise<Element> {
    const answer = await this.#client.set(this.#xml(fields, action), this.#to);
    if (answer === undefined) throw new Error('an answer without a command');
    this.id = attr(answer, 'sessionid') ?? '';
    return answer;
  }

  /** Takes a step that is refused; returns the conditions of the error: the general one and that of commands. */
  async refused(fields?: Readonly<Record<string, string>>, action?: string): Promise<readonly string[]> {
    return conditionsOf(await this.#client.ask('set', this.#xml(fields, action), this.#to));
  }

  #xml(fields: Readonly<Record<string, string>> | undefined, action: string | undefined): string {
    const session = this.id === '' ? '' : `sessionid="${this.id}"`;
    return command(this.#node, action === undefined ? session : `${session} action="${action}"`, fields);
  }
}

/** The type of an error and its conditions, without the text. */
export function conditionsOf(answer: Element): readonly string[] {
  const error = child(answer, 'error');
  if (error === undefined) return [];
  const conditions = error.children.flatMap((node) =>
    typeof node === 'string' || node.name === 'text' ? [] : [node.name],
  );
  return [attr(error, 'type') ?? '', ...conditions];
}

/** The texts of the notes, each behind its type. */
export function notesOf(answer: Element): readonly string[] {
  return children(answer, 'note').map((note) => `${attr(note, 'type')}: ${text(note)}`);
}
