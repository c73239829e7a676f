import { Service } from '../../core/service.ts';

/** A way to wake one client: a node of an app server. Times are milliseconds since the Unix epoch. */
export interface Registration {
  /** The address of the app server. */
  readonly service: string;
  /** '' where the client gave none. */
  readonly node: string;
  /** The client that it wakes, as `clientOf` names it. */
  readonly client: string;
  /** The grant on which the login depended in which it was enabled, if any. */
  readonly grantId: string | undefined;
  /** The form that goes with what is published, as markup; it may hold a secret of the app server. XEP-0060 §7.1.5. */
  readonly options: string | undefined;
  readonly enabledAt: number;
  /** How often in a row it failed. */
  readonly failures: number;
  /** Nothing is sent before; 0 unless it has failed. */
  readonly retryAt: number;
  /** The condition of the last failure, since when it has not worked again. */
  readonly error: string | undefined;
  /** It failed for good, or too often: nothing is sent until its client enables it again. */
  readonly isDisabled: boolean;
}

/** By what the clients of one host are woken. Localparts are prepared ones. */
export interface PushRegistrations {
  /** The one enabled last comes last. */
  list(local: string): Promise<readonly Registration[]>;
  /** Removes those that are chosen; resolves, with how many they were, when that is durable. */
  remove(local: string, isChosen: (registration: Registration) => boolean): Promise<number>;
}

/** Provided where sleeping clients are woken. */
export const pushRegistrations = new Service<PushRegistrations>('push-registrations');
