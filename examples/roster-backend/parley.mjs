// How this application tells Parley whose contact lists have changed.

import { createHmac } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { json } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';

const MAX_NAMES = 500;
/** Parley answers when it has fetched the lists, or has given up after ten seconds. */
const ANSWER_MS = 15_000;
const FIRST_PAUSE_MS = 1000;
const LAST_PAUSE_MS = 15_000;
/** Long enough for a Parley that is well; the page does not wait for another. */
const PAGE_MS = 500;

/** Tells Parley of changed contact lists, and again until it has heard. */
export class Parley {
  #url;
  #domain;
  #secret;
  #untold = new Set();
  #telling;
  #lastSecond = 0;

  /** How that goes, in words for the page. */
  status = 'Nothing had to be told yet.';

  constructor({ url, domain, secret }) {
    this.#url = new URL('/roster_admin/refresh?verbose=1', url);
    this.#domain = domain;
    this.#secret = secret;
  }

  /** Tells that the lists of these people have changed; resolves when that is done, or will take longer. */
  async changed(people) {
    for (const person of people) this.#untold.add(person);
    if (this.#untold.size === 0) return;
    this.#telling ??= this.#tell();
    await Promise.race([this.#telling, sleep(PAGE_MS, undefined, { ref: false })]);
  }

  // One call at a time. While Parley is away there is a set of names to tell, which never has more than there are people.
  async #tell() {
    let pauseMs = FIRST_PAUSE_MS;
    while (this.#untold.size > 0) {
      const people = [...this.#untold].slice(0, MAX_NAMES);
      // Before the call: whose list changes while it is under way has to be told again.
      for (const person of people) this.#untold.delete(person);
      const failed = await this.#attempt(people);
      for (const person of failed) this.#untold.add(person);
      if (failed.length > 0) await sleep(pauseMs, undefined, { ref: false });
      pauseMs = failed.length === 0 ? FIRST_PAUSE_MS : Math.min(2 * pauseMs, LAST_PAUSE_MS);
    }
    this.#telling = undefined;
  }

  /** Returns the people of whom it has to be told again. */
  async #attempt(people) {
    try {
      const failed = await this.#post(people);
      this.status =
        failed.length === 0
          ? `Parley was told of ${people.join(', ')}.`
          : `Parley was told, but could not fetch: ${failed.map(({ user, reason }) => `${user} (${reason})`).join(', ')}.`;
      return failed.map(({ user }) => user);
    } catch (error) {
      const status = `Parley could not be told: ${error.message || error.code}.`;
      if (status !== this.status) console.error(status);
      this.status = status;
      return error instanceof NotUnderstood ? [] : people;
    }
  }

  /** Calls; returns those whose lists Parley could not fetch, with the reasons. */
  async #post(people) {
    const body = JSON.stringify(people);
    const timestamp = this.#nextSecond();
    const signature = createHmac('sha256', this.#secret).update(`${timestamp}.${body}`).digest('hex');
    const answer = await this.#send(body, {
      'content-type': 'application/json',
      'x-timestamp': String(timestamp),
      'x-signature': `sha256=${signature}`,
    });
    const { message, failed } = await json(answer).catch(() => ({}));
    if (failed !== undefined || answer.statusCode === 200) return failed ?? [];
    const text = `it answered ${answer.statusCode} (${message ?? answer.statusMessage})`;
    throw answer.statusCode === 400 ? new NotUnderstood(text) : new Error(text);
  }

  // Parley serves each of its domains under the name of that domain, wherever it listens. `fetch` would not send that.
  #send(body, headers) {
    const request = this.#url.protocol === 'https:' ? httpsRequest : httpRequest;
    const options = {
      method: 'POST',
      headers: { ...headers, host: this.#domain, 'content-length': Buffer.byteLength(body) },
      servername: this.#domain,
      signal: AbortSignal.timeout(ANSWER_MS),
    };
    return new Promise((resolve, reject) => {
      request(this.#url, options, resolve).on('error', reject).end(body);
    });
  }

  // The same call twice within a second would look like one that somebody has overheard and repeats.
  #nextSecond() {
    this.#lastSecond = Math.max(Math.floor(Date.now() / 1000), this.#lastSecond + 1);
    return this.#lastSecond;
  }
}

/** A call that would be answered in the same way the next time. */
class NotUnderstood extends Error {}
