import type { Traffic } from '../../core/traffic.ts';

/** The line of a value: a number, or a text. */
export function statLine(name: string, value: number | string): string {
  return `STAT ${quoted(name)} (${typeof value === 'number' ? value : quoted(value)})\n`;
}

/** What a session has sent and was sent within one tick. */
export interface TickTraffic extends Pick<Traffic, StanzaCount> {
  readonly bytesIn: number;
  readonly bytesOut: number;
}

type StanzaCount = 'messagesIn' | 'messagesOut' | 'presencesIn' | 'presencesOut' | 'iqsIn' | 'iqsOut';

/** How the lines of a session begin, all alike. */
export function sessionHead(id: string, name: string): string {
  return `SESS ${quoted(id)} ${quoted(name)} `;
}

/** The line of a session. */
export function sessionLine(head: string, traffic: TickTraffic): string {
  const { messagesIn, messagesOut, presencesIn, presencesOut, iqsIn, iqsOut, bytesIn, bytesOut } = traffic;
  const counts =
    `message_in=${messagesIn},message_out=${messagesOut};presence_in=${presencesIn},presence_out=${presencesOut};` +
    `iq_in=${iqsIn},iq_out=${iqsOut};bytes_in=${bytesIn},bytes_out=${bytesOut};`;
  return `${head}{${counts}}\n`;
}

/** Characters that end lines, or that terminals act on, wherever they come from. */
const UNPRINTABLE = /[\u007f-\u009f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

function quoted(text: string): string {
  return JSON.stringify(text).replace(UNPRINTABLE, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
