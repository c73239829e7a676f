import { isIPv4, isIPv6 } from 'node:net';
import { type CityResponse, open, type Reader } from 'maxmind';
import { normalizeAddress } from '../../net/address.ts';
import { AddressRanges } from '../../net/address-ranges.ts';
import { type Place, UNKNOWN } from './api.ts';

/** How many records are kept at hand, once read. */
const CACHED_RECORDS = 2000;

/** Where nobody knows. */
export const NOWHERE: Place = { country: UNKNOWN, subdivision: UNKNOWN, city: UNKNOWN };

/** Addresses within networks. RFC 1918, 6598, 3927, 4193, 4291 §2.4. */
const PRIVATE = new AddressRanges([
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '::1',
  'fc00::/7',
  'fe80::/10',
]);

/** A MaxMind DB file, which says where addresses are. */
export class GeoDatabase {
  readonly #reader: Reader<CityResponse>;

  private constructor(reader: Reader<CityResponse>) {
    this.#reader = reader;
  }

  /** Reads a file into memory. Rejects when there is none, or another kind of file. */
  static async open(path: string): Promise<GeoDatabase> {
    return new GeoDatabase(await open<CityResponse>(path, { cache: { max: CACHED_RECORDS } }));
  }

  /** Where an address is; nowhere when it is a private one, none at all, or not in the file. Throws when the file is damaged. */
  placeOf(address: string): Place {
    const plain = normalizeAddress(address);
    const isKnowable = isIPv4(plain) || (isIPv6(plain) && this.#reader.metadata.ipVersion === 6);
    if (!isKnowable || PRIVATE.has(plain)) return NOWHERE;
    const { country, subdivisions, city } = this.#reader.get(plain) ?? {};
    // What does not look like a code must not become part of a key.
    return {
      country: codeOf(country?.iso_code, /^[A-Z]{2}$/),
      subdivision: codeOf(subdivisions?.[0]?.iso_code, /^[A-Z0-9]{1,3}$/),
      city: codeOf(city?.geoname_id, /^\d{1,12}$/),
    };
  }
}

function codeOf(value: unknown, form: RegExp): string {
  const text = String(value);
  return form.test(text) ? text : UNKNOWN;
}
