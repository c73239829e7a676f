import { CommandError } from '../../core/commands.ts';
import type { FeatureHost } from '../../core/feature.ts';
import { isPromise } from '../../util/awaitable.ts';
import { DeadlineError, deadline } from '../../util/deadline.ts';
import type { AdHocCommand, AdHocRequest, AdHocResult, AdHocStage } from './api.ts';

type Outcome = AdHocStage<unknown> | AdHocResult;

/** A caller waits for this part of what a request may take: what its session sends meanwhile waits as well. */
const SHARE = 1 / 3;

const GOES_ON: AdHocResult = {
  notes: [
    {
      type: 'info',
      text: 'This takes long and goes on. The log of the server says when it has ended, the command line how it went.',
    },
  ],
};

/** The commands of operators that take longer than a client waits for an answer: an archive prune may take minutes. */
export class LongRuns {
  readonly #host: FeatureHost;
  /** The nodes of those that go on and have been answered. */
  readonly #going = new Set<string>();

  constructor(host: FeatureHost) {
    this.#host = host;
  }

  /** The same command, whose caller is told that it goes on before the time for an answer is up. One goes on at a time. */
  answered(command: AdHocCommand<unknown>): AdHocCommand<unknown> {
    return { ...command, execute: (request) => this.#run(command, request) };
  }

  async #run(command: AdHocCommand<unknown>, request: AdHocRequest<unknown>): Promise<Outcome> {
    if (this.#going.has(command.node)) throw new CommandError('it still goes on from before; wait until it has ended');
    const run = command.execute(request);
    if (!isPromise(run)) return run;
    const { clock, settings } = this.#host;
    let hasEnded = false;
    const watched = run.finally(() => {
      hasEnded = true;
    });
    try {
      return await deadline(watched, settings.current.limits.timeouts.iqMs * SHARE, clock);
    } catch (error) {
      if (hasEnded || !(error instanceof DeadlineError)) throw error;
    }
    this.#goOn(command.node, request.caller.jid.toString(), run);
    return GOES_ON;
  }

  #goOn(node: string, jid: string, run: Promise<Outcome>): void {
    const { log } = this.#host;
    this.#going.add(node);
    run
      .then(
        () => log.info('adhoc.ended', { jid, node }),
        (error: unknown) => {
          if (error instanceof CommandError) log.warn('adhoc.refused', { jid, node, reason: error.message });
          else log.error('bug', { where: `adhoc/${node}` }, error);
        },
      )
      .finally(() => this.#going.delete(node));
  }
}
