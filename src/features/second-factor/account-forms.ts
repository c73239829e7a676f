import type { Form } from '../../oauth/form.ts';
import type { Texts } from './account-texts.ts';
import type { View } from './account-views.ts';

/** A form that was sent, and for whom its answer is. */
export interface Sent {
  readonly form: Form;
  readonly texts: Texts;
  /** The origin of the request. */
  readonly origin: string | undefined;
  readonly address: string;
  /** Writes a time. */
  readonly when: (at: number) => string;
}

/** What the page answers. */
export interface Answer {
  readonly view: View;
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
}
