import { type ClientRequest, request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { ReportEvent } from './events.ts';

/** Whose the measurements are, in Google Analytics 4. */
export interface TrackingId {
  readonly id: string;
  readonly secret: string;
}

/** Part of a report on its way to somebody. */
export interface Measurement {
  /** Without a query. */
  readonly url: string;
  readonly trackingId: TrackingId;
  readonly clientId: string;
  readonly events: readonly ReportEvent[];
}

/**
 * Sends a part of a report over a connection of its own; certificates are verified, redirections are not followed. Rejects
 * when it fails, when the answer is none of 2xx, and when `signal` is aborted. No error has the secret in it.
 */
export async function post(measurement: Measurement, signal: AbortSignal): Promise<void> {
  const body = JSON.stringify({ client_id: measurement.clientId, events: measurement.events });
  const status = await statusOf(opened(measurement, body, signal), body);
  if (status < 200 || status > 299) throw new Error(`the collector answered ${status}`);
}

function opened({ url, trackingId }: Measurement, body: string, signal: AbortSignal): ClientRequest {
  const target = new URL(url);
  target.searchParams.set('api_secret', trackingId.secret);
  target.searchParams.set('measurement_id', trackingId.id);
  const options = {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
    agent: false,
    signal,
  } as const;
  return target.protocol === 'https:'
    ? httpsRequest(target, { ...options, rejectUnauthorized: true })
    : httpRequest(target, options);
}

function statusOf(request: ClientRequest, body: string): Promise<number> {
  return new Promise((resolve, reject) => {
    request.on('error', reject);
    request.on('response', (response) => {
      // What it says besides matters to nobody, however long it is.
      response.on('error', () => {});
      response.destroy();
      resolve(response.statusCode ?? 0);
    });
    request.end(body);
  });
}
