import { integer, lenientSeconds, oneOf, orNull, satisfying, text } from './kinds.ts';
import { option, section } from './schema.ts';

/** How what the server counts and measures is named and read. */
export const metrics = section(
  'What the server counts and measures of itself. The features `openMetrics` and `liveStatistics` show it.',
  {
    naming: option(oneOf('parley', 'prosody'), {
      default: 'parley',
      doc: 'How metrics are named: `parley`, or `prosody` for the names of the dashboards that others have made for it.',
      reload: 'restart',
    }),
    prefix: option(
      satisfying(
        text(),
        (name) => /^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name),
        'a name of letters, digits and _, such as "chat_"',
      ),
      {
        default: undefined,
        doc: 'What all names begin with, in the place of `parley_` or `prosody_`.',
        reload: 'restart',
      },
    ),
    memoryInfoInterval: option(lenientSeconds(), {
      default: 60,
      doc: 'Seconds for which memory figures are good once they have been read; they are only read when somebody asks. 0: no time at all. Of what is no such number, 60 is made, with a warning.',
      reload: 'live',
    }),
    collectionInterval: option(orNull(integer(1, 86_400)), {
      default: null,
      doc: 'Seconds for which the counts of sessions and queues are good, so that frequent requests do not count them each time; `null`: they are counted for each request.',
      reload: 'live',
    }),
  },
);
