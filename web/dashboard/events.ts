import type { LiveSample, RecentSamples } from '../../src/features/dashboard/wire.ts';

/** How it is with the connection: `ended` when the server does not want to tell any more. */
export type ConnectionState = 'connecting' | 'live' | 'lost' | 'ended';

export interface EventsOptions {
  readonly onState: (state: ConnectionState) => void;
  readonly onRecent: (recent: RecentSamples) => void;
  readonly onSample: (sample: LiveSample) => void;
}

/** What the server tells while somebody looks: a window in the background does not. */
export class Events {
  readonly #options: EventsOptions;
  #source: EventSource | undefined;
  #host = '';

  constructor(options: EventsOptions) {
    this.#options = options;
    document.addEventListener('visibilitychange', () => this.#open());
  }

  /** Listens for one host, or for all if the name is empty. */
  listen(host: string): void {
    this.#host = host;
    this.#open();
  }

  #open(): void {
    this.#source?.close();
    this.#source = undefined;
    if (document.visibilityState === 'hidden') return;
    const { onState, onRecent, onSample } = this.#options;
    onState('connecting');
    const source = new EventSource(`dashboard/events?host=${encodeURIComponent(this.#host)}`);
    this.#source = source;
    source.addEventListener('recent', ({ data }) => {
      onState('live');
      onRecent(JSON.parse(data));
    });
    source.addEventListener('sample', ({ data }) => onSample(JSON.parse(data)));
    source.addEventListener('error', () => onState(source.readyState === EventSource.CLOSED ? 'ended' : 'lost'));
  }
}
