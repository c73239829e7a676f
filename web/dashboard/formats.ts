import { LANGUAGE } from './texts.ts';

/** How the viewer writes numbers: as the browser's languages say, if one of them is the page's. */
const LOCALE = navigator.languages.find((tag) => tag.toLowerCase().split('-')[0] === LANGUAGE) ?? LANGUAGE;

/** Writes a value for people. */
export type Format = (value: number) => string;

const whole = new Intl.NumberFormat(LOCALE, { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat(LOCALE, { notation: 'compact', maximumSignificantDigits: 3 });
const digits = new Intl.NumberFormat(LOCALE, { maximumSignificantDigits: 3 });
const parts = new Intl.NumberFormat(LOCALE, { style: 'percent', maximumFractionDigits: 1 });
const shares = new Intl.NumberFormat(LOCALE, {
  style: 'percent',
  minimumFractionDigits: 1,
  maximumFractionDigits: 1,
});
const SIZES = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];

export const count: Format = (value) => (Math.abs(value) < 100_000 ? whole.format(value) : short.format(value));

/** Per second. */
export const rate: Format = (value) => `${value < 1000 ? digits.format(value) : whole.format(value)}/s`;

/** Of seconds. */
export const duration: Format = (value) => {
  if (value >= 1) return `${digits.format(value)} s`;
  return value >= 0.001 || value === 0 ? `${digits.format(value * 1000)} ms` : `${digits.format(value * 1e6)} µs`;
};

/** Of bytes. */
export const size: Format = (value) => {
  const step = value < 1 ? 0 : Math.min(SIZES.length - 1, Math.floor(Math.log10(value) / 3));
  return `${digits.format(value / 1000 ** step)} ${SIZES[step]}`;
};

/** Of a part of one. */
export const percent: Format = (value) => parts.format(value);

/** The same among others below each other. */
export const share: Format = (value) => shares.format(value);

const time = new Intl.DateTimeFormat(LOCALE, { hour: '2-digit', minute: '2-digit' });
const exactTime = new Intl.DateTimeFormat(LOCALE, { timeStyle: 'medium' });
const dayOfYear = new Intl.DateTimeFormat(LOCALE, { day: 'numeric', month: 'short', timeZone: 'UTC' });
const fullDay = new Intl.DateTimeFormat(LOCALE, { dateStyle: 'medium', timeZone: 'UTC' });
const monthOfYear = new Intl.DateTimeFormat(LOCALE, { month: 'long', year: 'numeric', timeZone: 'UTC' });

/** Of milliseconds since the Unix epoch. */
export const clockTime: Format = (at) => time.format(at);
export const clockTimeExactly: Format = (at) => exactTime.format(at);
export const shortDay: Format = (at) => dayOfYear.format(at);
export const longDay: Format = (at) => fullDay.format(at);

/** Of `2026-02`. */
export function monthName(month: string): string {
  return monthOfYear.format(Date.parse(`${month}-01T00:00:00Z`));
}

const countries = new Intl.DisplayNames(LOCALE, { type: 'region', fallback: 'code' });

/** Of a code of ISO 3166. */
export function countryName(code: string): string {
  return /^[A-Z]{2}$/.test(code) ? (countries.of(code) ?? code) : code;
}
