import type { Account } from '../../core/account.ts';
import type { Permission } from '../../core/roles.ts';
import { Service } from '../../core/service.ts';
import type { Session } from '../../core/session.ts';
import type { ApplicationCondition } from '../../errors.ts';
import type { JID } from '../../jid.ts';
import type { Awaitable } from '../../util/awaitable.ts';
import type { InputForm, ResultForm } from '../shared/data-form.ts';
import type { FormValues } from '../shared/form-values.ts';

/** The namespace of ad-hoc commands, and the node that lists them. XEP-0050 §2.2. */
export const NS_COMMANDS = 'http://jabber.org/protocol/commands';

/** Says that a form does not fit: `throw new StanzaError('bad-request', { text, app: BAD_PAYLOAD })`. XEP-0050 §4.4. */
export const BAD_PAYLOAD: ApplicationCondition = { name: 'bad-payload', ns: NS_COMMANDS };

/** Who runs a command: a client that has logged in. */
export interface AdHocCaller {
  readonly account: Account;
  readonly session: Session;
  /** The session's full JID. */
  readonly jid: JID;
}

/** A remark to whoever runs a command; one that failed says why in an `error`. XEP-0050 §4.3. */
export interface AdHocNote {
  readonly type: 'info' | 'warn' | 'error';
  readonly text: string;
}

/** Where a form may lead. XEP-0050 §3.4. */
export type StageAction = 'prev' | 'next' | 'complete';

/** One step of an execution, as its command is asked to take it. */
export interface AdHocRequest<S = undefined> {
  readonly caller: AdHocCaller;
  /** `begin` is the first; the others are one of those that the last stage allows. */
  readonly action: 'begin' | StageAction;
  /** What was filled in. It fits the form of the last stage; with `begin` and `prev` it is empty. */
  readonly values: FormValues;
  /** What the last stage kept; undefined with `begin`. */
  readonly state: S | undefined;
}

/** A form for the caller to fill in; the execution goes on when it comes back. XEP-0050 §2.4.2. */
export interface AdHocStage<S = undefined> {
  readonly form: InputForm;
  /** Unless given: only `complete`. */
  readonly actions?: readonly StageAction[];
  /** What `execute` stands for; unless given: `next` where that is allowed, otherwise `complete`. */
  readonly execute?: StageAction;
  readonly notes?: readonly AdHocNote[];
  /** What the next step is given; it lives as long as the execution, in memory, and is small. */
  readonly state?: S;
}

/** The end of an execution. */
export interface AdHocResult {
  readonly form?: never;
  readonly result?: ResultForm;
  readonly notes?: readonly AdHocNote[];
}

/** Something that people can do with a client that knows nothing of it but forms. XEP-0050. */
export interface AdHocCommand<S = undefined> {
  /** Unique at its addresses. Where no specification names one: `urn:parley:` and its words, joined by hyphens. */
  readonly node: string;
  /** For people: `List own files`. */
  readonly name: string;
  /**
   * Who sees and runs it: logins whose role may do this. With `administer` it is one of the server's, at the host's address.
   * All others concern the caller's own account: they are at its bare address and, for clients that look only there, at the
   * host's.
   */
  readonly permission: Permission;
  /**
   * Takes one step and returns the next form or the result; what it depends on is durable by then. Throws CommandError when
   * the command cannot be carried out, which ends it with an `error` note; StanzaError, which refuses this step only.
   */
  execute(request: AdHocRequest<S>): Awaitable<AdHocStage<S> | AdHocResult>;
}

/** The ad-hoc commands of one host. */
export interface AdHoc {
  /** Offers a command for as long as the host runs. Two of one node are an error of the program. */
  add<S>(command: AdHocCommand<S>): void;
}

/** Provided where ad-hoc commands are on: `host.find(adHoc)?.add({ … })`. */
export const adHoc = new Service<AdHoc>('adHoc');
