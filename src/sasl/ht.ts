// The Hashed Token mechanisms, draft-schmaus-kitten-sasl-ht: the client proves in one message that it knows a token, the
// server proves the same in its answer, and neither sends it. Which tokens there are is not our business here.

import { createHmac, timingSafeEqual } from 'node:crypto';
import { SaslError } from '../errors.ts';
import { JID, JidError } from '../jid.ts';
import { type Awaitable, isPromise } from '../util/awaitable.ts';
import { canBind } from './downgrade.ts';
import type { ChannelBindingType, SaslAttempt, SaslContext, SaslMechanism, SaslStep } from './mechanism.ts';
import { EMPTY_CHALLENGE } from './mechanism.ts';
import { decodeUtf8, prepareUsername } from './prepare.ts';

const HASH = 'sha256';
const HASH_BYTES = 32;
const NO_BINDING = Buffer.alloc(0);

/** A token as a mechanism sees it. */
export interface HtToken {
  /** The one mechanism that it may be used with. XEP-0484 §3.3. */
  readonly mechanism: string;
  readonly secret: string;
}

/** The tokens that one attempt may be made with. */
export interface HtTokens {
  /** Those of a user, in the order in which they are to be tried. */
  candidates(username: string): Awaitable<readonly HtToken[]>;
  /** Called with the one that was proved; throws SaslError when it is not good any more. */
  proved(token: HtToken): Awaitable<void>;
}

// By the strength of what they are bound to.
const BINDINGS: ReadonlyMap<string, ChannelBindingType | undefined> = new Map([
  ['HT-SHA-256-EXPR', 'tls-exporter' as const],
  ['HT-SHA-256-ENDP', 'tls-server-end-point' as const],
  ['HT-SHA-256-NONE', undefined],
]);

/** The names of the mechanisms that can be used on a stream, best first. */
export function htMechanisms(context: SaslContext): string[] {
  return [...BINDINGS.keys()].filter((name) => isHtUsable(name, context));
}

/** Whether a name is that of one of the mechanisms above. */
export function isHtUsable(name: string, context: SaslContext): boolean {
  const type = BINDINGS.get(name);
  return type === undefined ? BINDINGS.has(name) : canBind(context, type);
}

/** Makes the mechanism of that name for one attempt; undefined when there is none such. */
export function htMechanism(name: string, tokens: HtTokens): SaslMechanism | undefined {
  if (!BINDINGS.has(name)) return undefined;
  return {
    name,
    usable: (context) => isHtUsable(name, context),
    start: (attempt) => ({
      step: (input) => (input === undefined ? EMPTY_CHALLENGE : verify(attempt, name, tokens, input)),
    }),
  };
}

async function verify(attempt: SaslAttempt, name: string, tokens: HtTokens, message: Buffer): Promise<SaslStep> {
  const { context, claim } = attempt;
  const { authcid, hash } = parseHtMessage(message);
  const username = usernameOf(authcid, context.domain);
  claim(username);
  const type = BINDINGS.get(name);
  const binding = type === undefined ? NO_BINDING : context.channelBinding(type);
  if (binding === undefined) throw new SaslError('invalid-mechanism');
  const candidates = await tokens.candidates(username);
  const token = candidates.find(
    (candidate) => candidate.mechanism === name && timingSafeEqual(hash, proofOf(candidate, binding).initiator),
  );
  if (token === undefined) throw new SaslError('not-authorized');
  const good = tokens.proved(token);
  if (isPromise(good)) await good;
  return { kind: 'success', jid: JID.of(username, context.domain), data: proofOf(token, binding).responder };
}

/** The two messages about a token, and what they are bound to. */
interface Proof {
  readonly binding: Buffer;
  readonly initiator: Buffer;
  readonly responder: Buffer;
}

// Without channel binding, or bound to the server's certificate, they are the same at every login with a token.
const proofs = new WeakMap<HtToken, Proof>();

function proofOf(token: HtToken, binding: Buffer): Proof {
  const known = proofs.get(token);
  if (known?.binding.equals(binding) === true) return known;
  const { secret } = token;
  const proof = { binding, initiator: initiatorHash(secret, binding), responder: responderHash(secret, binding) };
  proofs.set(token, proof);
  return proof;
}

/** Reads the client's message: who it is, NUL, and the hash, which may contain NUL itself. Throws `malformed-request`. */
export function parseHtMessage(message: Buffer): { readonly authcid: string; readonly hash: Buffer } {
  const end = message.indexOf(0);
  const hash = message.subarray(end + 1);
  if (end < 1 || hash.length !== HASH_BYTES) {
    throw new SaslError('malformed-request', { text: 'Expected authcid NUL hash.' });
  }
  return { authcid: decodeUtf8(message.subarray(0, end)), hash };
}

/** What the client sends to prove that it knows a token. */
export function initiatorHash(secret: string, binding: Buffer): Buffer {
  return createHmac(HASH, secret).update('Initiator').update(binding).digest();
}

/** What the server answers to prove that it knows the token too. */
export function responderHash(secret: string, binding: Buffer): Buffer {
  return createHmac(HASH, secret).update('Responder').update(binding).digest();
}

// A localpart or, because some clients take the word "identity" seriously, a bare JID of this host.
function usernameOf(authcid: string, domain: string): string {
  if (!authcid.includes('@')) return prepareUsername(authcid);
  try {
    const jid = JID.parse(authcid);
    if (jid.isBare && jid.domain === domain) return jid.local;
  } catch (error) {
    if (!(error instanceof JidError)) throw error;
  }
  throw new SaslError('not-authorized');
}
