/** One thing that a report tells, as the Measurement Protocol of Google Analytics 4 has it. */
export interface ReportEvent {
  readonly name: string;
  readonly params: Readonly<Record<string, string | number>>;
}

/** What one request may have. */
const MAX_EVENTS = 25;
const MAX_PARAMS = 25;
const MAX_NAME_LENGTH = 40;
const MAX_VALUE_LENGTH = 100;

/** Makes an event keep the limits of Google Analytics 4: what is too long is cut, other characters become `_`. */
export function withinLimits({ name, params }: ReportEvent): ReportEvent {
  const kept = Object.entries(params).slice(0, MAX_PARAMS);
  return { name: nameWithinLimits(name), params: Object.fromEntries(kept.map(paramWithinLimits)) };
}

/** Splits a report into what goes into one request each, in order. */
export function batchesOf(events: readonly ReportEvent[]): ReportEvent[][] {
  const batches: ReportEvent[][] = [];
  for (let start = 0; start < events.length; start += MAX_EVENTS) batches.push(events.slice(start, start + MAX_EVENTS));
  return batches;
}

function paramWithinLimits([name, value]: readonly [string, string | number]): [string, string | number] {
  return [nameWithinLimits(name), typeof value === 'string' ? value.slice(0, MAX_VALUE_LENGTH) : value];
}

function nameWithinLimits(name: string): string {
  const letters = name.replace(/[^A-Za-z0-9_]/g, '_');
  return (/^[A-Za-z]/.test(letters) ? letters : `n${letters}`).slice(0, MAX_NAME_LENGTH);
}
