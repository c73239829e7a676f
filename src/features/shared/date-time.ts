const DATE_TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2})$/;

/** Reads a DateTime as milliseconds since the Unix epoch; undefined for what is none. XEP-0082 §3.2. */
export function parseDateTime(text: string): number | undefined {
  const ms = DATE_TIME.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(ms) ? undefined : ms;
}

/** Writes a time, in milliseconds since the Unix epoch, as a DateTime in UTC. XEP-0082 §3.2. */
export function dateTime(ms: number): string {
  return new Date(ms).toISOString();
}

/** Writes how far a local time is ahead of UTC, in minutes, as a time zone definition such as `-06:00`. XEP-0082 §2. */
export function zoneOffset(minutes: number): string {
  const size = Math.abs(minutes);
  const digits = (value: number): string => String(Math.trunc(value)).padStart(2, '0');
  return `${minutes < 0 ? '-' : '+'}${digits(size / 60)}:${digits(size % 60)}`;
}
