import type { FeatureHost, Reconfigurable } from '../../../core/feature.ts';
import {
  HttpError,
  type HttpHandler,
  type HttpRequest,
  type HttpResponse,
  jsonResponse,
} from '../../../http/message.ts';
import type { DelegatedRosterService, RefreshOutcome } from '../api.ts';
import { BodyPlaces } from './body-places.ts';
import {
  CallerCheck,
  type CallerOptions,
  CallerRefused,
  type RefusalReason,
  TIMESTAMP_WINDOW_SECONDS,
} from './caller-check.ts';
import { CallerRates } from './caller-rates.ts';
import { GuessLimit } from './guess-limit.ts';
import { MAX_BODY_BYTES, nameInPath, namesInBody } from './refresh-names.ts';
import { ReplayMemory } from './replay-memory.ts';
import { SparseLines } from './sparse-lines.ts';

const PATH = '/roster_admin/refresh';
const USER_PATH = `${PATH}/`;

const OVERLOAD_RETRY_SECONDS = 10;

/** A request is good for this long before and after its time; so it can come again for twice as long. */
const REPLAY_MS = 2 * TIMESTAMP_WINDOW_SECONDS * 1000;
const MAX_REPLAYS = 65_536;

/** Who may ask for refreshes, and of how many users. */
export interface RefreshOptions extends CallerOptions {
  /** For each caller. */
  readonly namesPerMinute: number;
}

/**
 * Serves the call by which the application that owns the rosters of a host says whose have changed: `POST` with a list of
 * usernames, or `GET` with one in the path. Answers are JSON. Returns what takes other options while it runs.
 */
export function serveRefresh(
  host: FeatureHost,
  rosters: DelegatedRosterService,
  options: RefreshOptions,
): Reconfigurable<RefreshOptions> {
  const endpoint = new RefreshEndpoint(host, rosters, options);
  const refuse = ({ status, message, headers }: HttpError) => errorResponse(status, message, {}, headers);
  host.http('POST', PATH, endpoint.handler('POST'), { refuse });
  host.http('GET', USER_PATH, endpoint.handler('GET'), { refuse, prefix: true });
  return endpoint;
}

class RefreshEndpoint implements Reconfigurable<RefreshOptions> {
  readonly #host: FeatureHost;
  readonly #rosters: DelegatedRosterService;
  readonly #memory = { replays: new ReplayMemory(REPLAY_MS, MAX_REPLAYS), guesses: new GuessLimit() };
  readonly #places = new BodyPlaces();
  // Whoever is refused can try as often as it likes.
  readonly #refusals: SparseLines;
  readonly #rates: CallerRates;
  #callers: CallerCheck;

  constructor(host: FeatureHost, rosters: DelegatedRosterService, options: RefreshOptions) {
    this.#host = host;
    this.#rosters = rosters;
    this.#refusals = new SparseLines(host.clock);
    this.#rates = new CallerRates(options.namesPerMinute);
    this.#callers = new CallerCheck(options, this.#memory, host.clock);
  }

  configure(options: RefreshOptions): void {
    this.#rates.change(options.namesPerMinute);
    this.#callers = new CallerCheck(options, this.#memory, this.#host.clock);
  }

  handler(method: 'GET' | 'POST'): HttpHandler {
    return async (request) => {
      try {
        const { caller, names } = method === 'GET' ? this.#ofPath(request) : await this.#ofBody(request);
        // An empty list is a request, too.
        this.#rates.charge(caller, Math.max(1, names.size), this.#host.clock.monotonic());
        return await this.#refresh(names, request);
      } catch (error) {
        if (error instanceof CallerRefused) this.#warn(request.remoteAddress, error.reason);
        throw error;
      }
    };
  }

  #warn(address: string, reason: RefusalReason): void {
    this.#refusals.add((untold) => this.#host.log.warn('roster.refresh-refused', { address, reason, untold }));
  }

  async #ofBody(request: HttpRequest): Promise<Call> {
    const callers = this.#callers;
    const claim = callers.recognise(request);
    const body = await this.#places.read(request, MAX_BODY_BYTES);
    const caller = callers.prove(claim, body);
    return { caller, names: namesInBody(body, this.#host.domain) };
  }

  #ofPath(request: HttpRequest): Call {
    // Whoever sends HEAD wants to look only, and this is more than looking.
    if (request.incoming.method !== 'GET') throw new HttpError(405, 'Method not allowed.', { allow: 'GET' });
    const caller = this.#callers.prove(this.#callers.recognise(request), targetOf(request));
    return { caller, names: nameInPath(request.path, USER_PATH, this.#host.domain) };
  }

  async #refresh(names: ReadonlySet<string>, { remoteAddress, query }: HttpRequest): Promise<HttpResponse> {
    const outcome = names.size === 0 ? NOTHING : await this.#rosters.refresh(names);
    const errors = outcome.failed.size;
    const updated = names.size - errors;
    this.#host.log.debug('roster.refreshed', { address: remoteAddress, updated, errors });
    return answerOf({ updated, errors }, outcome, query.get('verbose') === '1');
  }
}

interface Call {
  readonly caller: string;
  readonly names: ReadonlySet<string>;
}

/** The path of a request with its query. */
function targetOf({ path, incoming: { url = '' } }: HttpRequest): string {
  const query = url.indexOf('?');
  return query < 0 ? path : path + url.slice(query);
}

const NOTHING: RefreshOutcome = { updated: [], failed: new Map() };

interface Counts {
  readonly updated: number;
  readonly errors: number;
}

/** Says what came of a refresh; `isVerbose` adds who could not be refreshed. */
function answerOf({ updated, errors }: Counts, { failed }: RefreshOutcome, isVerbose: boolean): HttpResponse {
  const failures = Array.from(failed, ([user, reason]) => ({ user, reason }));
  const details = { updated, errors, ...(isVerbose && { failed: failures }) };
  if (errors > 0 && failures.every(({ reason }) => reason === 'overloaded')) {
    const headers = { 'retry-after': String(OVERLOAD_RETRY_SECONDS) };
    return errorResponse(503, 'too many roster updates are waiting', details, headers);
  }
  if (errors > 0 && updated === 0) return errorResponse(500, 'no roster could be fetched', details);
  const exception = errors === 0 ? '' : `, except for ${errors} of ${updated + errors}`;
  return jsonResponse(200, { status: 'ok', message: `roster update complete${exception}`, ...details });
}

function errorResponse(
  status: number,
  message: string,
  details: object = {},
  headers: Readonly<Record<string, string>> = {},
): HttpResponse {
  return jsonResponse(status, { status: 'error', message, ...details }, headers);
}
