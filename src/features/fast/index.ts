import { integer } from '../../config/kinds.ts';
import { type ConfigOf, option, section } from '../../config/schema.ts';
import { fast as fastService } from '../../core/fast.ts';
import type { Feature } from '../../core/feature.ts';
import { keepUpGrants } from '../shared/grant-upkeep.ts';
import { FastTokens } from './tokens.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

const config = section('Login with tokens in the place of passwords (XEP-0484).', {
  tokenTtlMs: option(integer(MINUTE_MS), {
    default: 21 * DAY_MS,
    doc: 'For how long a token is good, in milliseconds. A client that is away for longer needs the password again.',
    reload: 'restart',
  }),
  rotateAfterMs: option(integer(1), {
    default: DAY_MS,
    doc: 'The age at which a token is replaced when it is used, in milliseconds. Less than `tokenTtlMs`.',
    reload: 'restart',
  }),
});

/** Lets clients log in with a token that an earlier login has given them. XEP-0484. */
export const fast: Feature<ConfigOf<typeof config>> = {
  name: 'fast',
  specs: [{ xep: 484, version: '0.2.0', note: 'HT-SHA-256 with EXPR, ENDP and NONE; no TLS early data' }],
  config,
  setup(host, settings) {
    if (settings.rotateAfterMs >= settings.tokenTtlMs) host.log.warn('fast.never-rotated', { ...settings });
    const { grants, users, clock, domain } = host;
    host.provide(fastService, new FastTokens({ grants, users, clock, domain, ...settings }));
    keepUpGrants(host, 'fast');
  },
};
