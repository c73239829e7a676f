import { fields, flag, integer, listOf, orNull, path, satisfying, text } from '../../config/kinds.ts';
import { type ConfigOf, option, section } from '../../config/schema.ts';
import { isPattern, isQuick, MAX_PATTERN } from './client-patterns.ts';
import { isTimeZone } from './months.ts';

const CATEGORY = /^[\p{L}\p{N}][\p{L}\p{N} ._-]{0,63}$/u;

const pattern = satisfying(
  satisfying(
    satisfying(text(), (given) => given.length <= MAX_PATTERN, `at most ${MAX_PATTERN} characters`),
    isPattern,
    'a regular expression',
  ),
  isQuick,
  'a regular expression that cannot take long: at most two repetitions, none in another, no look-around, no back-reference',
);

/** The options of the feature: where visitors are, what clients they use, and for how long their numbers are kept. */
export const config = section(
  'How many users visit in a month, from where and with which clients: numbers only. Each counts once a month, when the first resource is bound.',
  {
    mmdbPath: option(path(), {
      default: undefined,
      doc: 'A MaxMind DB file that says where addresses are, such as GeoLite2-City.mmdb; without one nobody knows. With a file that cannot be read, visitors are not counted. Read again by each reload.',
      reload: 'live',
    }),
    clientPatterns: option(
      listOf(
        fields('a pattern, {"pattern": "^Gajim", "category": "Gajim"}', {
          pattern,
          category: satisfying(
            text(),
            (name) => CATEGORY.test(name),
            'a name of letters, digits, spaces, ".", "_", "-"',
          ),
        }),
        'a list of patterns',
      ),
      {
        default: [],
        doc: 'Which client it is, by the resource: the first regular expression that matches decides. Patterns of Lua (`%d`, `%.`) are converted.',
        reload: 'live',
      },
    ),
    recordCountry: option(
      satisfying(text(), (code) => /^(?:[a-z]{2}|all)$/i.test(code), 'a country as two letters (ISO 3166-1), or "ALL"'),
      {
        default: 'ALL',
        doc: 'Count only visitors from this country.',
        reload: 'live',
      },
    ),
    retentionMonths: option(orNull(integer(1, 1200)), {
      default: null,
      doc: 'How many months are kept besides the one that it is; `null`: all.',
      reload: 'live',
    }),
    minCell: option(integer(1, 1_000_000), {
      default: 1,
      doc: 'Smaller numbers of visitors of one country or client are shown to nobody, only together with others, because they could tell of single people.',
      reload: 'live',
    }),
    exportGeo: option(flag(), {
      default: false,
      doc: 'Whether the metrics that others scrape say where visitors are.',
      reload: 'live',
    }),
    timezone: option(satisfying(text(), isTimeZone, 'a time zone, such as "UTC" or "Europe/Berlin"'), {
      default: 'UTC',
      doc: 'Where it is that months begin.',
      reload: 'live',
    }),
  },
);

export type VisitorsConfig = ConfigOf<typeof config>;
