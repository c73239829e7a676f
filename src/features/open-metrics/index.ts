import { addressRange, listOf } from '../../config/kinds.ts';
import { type ConfigOf, option, section } from '../../config/schema.ts';
import type { Feature } from '../../core/feature.ts';
import { Service } from '../../core/service.ts';
import { HttpError, type HttpRequest, type HttpResponse } from '../../http/message.ts';
import { CONTENT_TYPES, type ExpositionFormat } from '../../metrics/exposition.ts';
import { normalizeAddress } from '../../net/address.ts';
import { AddressRanges } from '../../net/address-ranges.ts';

const config = section(
  'The metrics of the whole server, for Prometheus and its like: `GET /metrics` on the HTTP listeners, under any host name. Of hosts with different options, those of the first count.',
  {
    allowAddresses: option(listOf(addressRange(), 'a list of IP addresses and ranges'), {
      default: ['127.0.0.1', '::1'],
      doc: 'Who may read them: the addresses of clients, also as ranges (`10.0.0.0/8`); behind one of `http.trustedProxies`, the address that the proxy tells. Others get 403.',
      reload: 'live',
    }),
  },
);

/** Provided by the host on which the metrics of all are served. */
const serving = new Service<true>('metrics-page');

/** Serves the metrics of the whole server. OpenMetrics 1.0. */
export const openMetrics: Feature<ConfigOf<typeof config>> = {
  name: 'openMetrics',
  specs: [],
  config,
  setup(host, { allowAddresses }) {
    // One page for all hosts: whoever collects asks by an address, and not by a host's name.
    if (host.findEverywhere(serving).size > 0) return;
    host.provide(serving, true);
    const proxies = (): AddressRanges => new AddressRanges(host.settings.current.http.trustedProxies);
    let allowed = new AddressRanges(allowAddresses);
    const serve = async (request: HttpRequest): Promise<HttpResponse> => {
      if (!allowed.has(request.remoteAddress) || isForwardedByStranger(request, proxies()))
        throw new HttpError(403, 'Not for this address.');
      const format = formatFor(request.headers.accept);
      const headers = { 'content-type': CONTENT_TYPES[format], 'cache-control': 'no-store', vary: 'accept' };
      return { status: 200, headers, body: await host.metrics.text(format) };
    };
    host.http('GET', '/metrics', serve, { anyHost: true });
    return {
      configure(next) {
        allowed = new AddressRanges(next.allowAddresses);
      },
    };
  },
};

/** Other headers by which a proxy gives itself away. RFC 7239 §4, RFC 9110 §7.6.3. */
const PROXY_HEADERS = ['forwarded', 'via', 'x-real-ip'] as const;

/**
 * Whether a proxy has passed the request on that is not one of those that are trusted, or does not tell for whom: it may speak
 * for anybody, and its own address, which is often that of this machine, says nothing.
 */
function isForwardedByStranger({ headers, remoteAddress }: HttpRequest, trusted: AddressRanges): boolean {
  const header = headers['x-forwarded-for'];
  if (header === undefined) return PROXY_HEADERS.some((name) => headers[name] !== undefined);
  const told = String(header)
    .split(',')
    .map((address) => normalizeAddress(address.trim()));
  const client = told.findLast((address) => !trusted.has(address)) ?? told[0];
  return client !== remoteAddress;
}

/** The format for an Accept header: OpenMetrics, unless the older one is asked for and this is not. RFC 9110 §12.5.1. */
function formatFor(accept = ''): ExpositionFormat {
  const types = accept.split(',').map((part) => part.split(';')[0]?.trim().toLowerCase());
  return types.includes('text/plain') && !types.includes('application/openmetrics-text') ? 'plain' : 'openMetrics';
}
