import { type Arguments, CommandError, type Parameter } from '../../core/commands.ts';
import { type Report, type Reports, reports, type StoredReport } from '../../features/blocking/api.ts';
import { JID } from '../../jid.ts';
import type { BuiltIn, CommandGround } from '../ground.ts';
import { facts, table } from '../table.ts';
import { addressOf } from './addressing.ts';

/** How many reports one answer lists, unless asked for fewer. */
const MAX_LISTED = 10_000;

const ID: Parameter = { name: 'id', kind: 'text', doc: 'The report, as listed' };

/** A report. `at` is an ISO 8601 time; `reporter` is null once that account is removed. */
type ReportAnswer = {
  readonly id: string;
  readonly at: string;
  readonly jid: string;
  readonly reason: string;
  readonly reporter: string | null;
  readonly texts: readonly { readonly lang: string | null; readonly text: string }[];
  readonly stanzaIds: readonly { readonly by: string; readonly id: string }[];
  readonly allowsOrigin: boolean;
  readonly allowsThirdParties: boolean;
};

/** `dropped` counts those that gave way to later ones. */
type ReportListAnswer = {
  readonly reports: readonly ReportAnswer[];
  readonly more: boolean;
  readonly dropped: number;
};

/** The reports of one host. */
type Book = readonly [domain: string, reports: Reports];

/** Lists what users have reported. */
export const reportList: BuiltIn<ReportListAnswer> = {
  name: 'report list',
  summary: 'Lists what users have reported on blocking somebody, the latest first.',
  parameters: [
    { name: 'jid', kind: 'jid', optional: true, doc: 'Only reports of this address, this account or this domain' },
    { name: 'limit', kind: 'count', optional: true, doc: `At most so many; at most, and unless given, ${MAX_LISTED}` },
  ],
  async run(args, ground) {
    const about = args['jid'] === undefined ? undefined : addressOf(args, 'jid');
    const limit = Math.min(Number(args['limit'] ?? MAX_LISTED), MAX_LISTED);
    const found: ReportAnswer[] = [];
    let dropped = 0;
    for (const [domain, book] of booksOf(ground)) {
      dropped += await book.dropped();
      for (const report of await book.list()) {
        if (about === undefined || belongsTo(JID.parse(report.jid), about)) found.push(describe(domain, report));
      }
    }
    found.sort((a, b) => (a.at === b.at ? (a.id < b.id ? 1 : -1) : a.at < b.at ? 1 : -1));
    return { reports: found.slice(0, limit), more: found.length > limit, dropped };
  },
  show({ reports: listed, more, dropped }) {
    const rows = listed.map(({ id, at, jid, reason, reporter }) => [id, at, jid, reason, reporter ?? '-']);
    const lines = [rows.length === 0 ? 'No reports.' : table(['id', 'time', 'reported', 'reason', 'reporter'], rows)];
    if (more) lines.push('There are more.');
    if (dropped > 0) lines.push(`So far ${dropped} gave way to later ones.`);
    return lines.join('\n');
  },
};

/** Shows all that one of them says. */
export const reportShow: BuiltIn<ReportAnswer> = {
  name: 'report show',
  summary: 'Shows a report: who reported whom, and why.',
  parameters: [ID],
  async run(args, ground) {
    const { domain, id, report } = await find(args, ground);
    return describe(domain, { ...report, id });
  },
  show: ({ id, at, jid, reason, reporter, texts, stanzaIds, allowsOrigin, allowsThirdParties }) =>
    facts([
      ['Report', id],
      ['Time', at],
      ['Reported', jid],
      ['Reason', reason],
      ['Reporter', reporter ?? '- (the account is removed)'],
      ...texts.map(({ lang, text }): [string, string] => [lang === null ? 'Text' : `Text (${lang})`, text]),
      ...stanzaIds.map((message): [string, string] => ['Message', `${message.id} in the archive of ${message.by}`]),
      ['May be sent to', recipientsOf(allowsOrigin, allowsThirdParties)],
    ]),
};

/** Removes one that has been dealt with. */
export const reportRemove: BuiltIn<{ readonly id: string }> = {
  name: 'report remove',
  summary: 'Removes a report. The user goes on blocking the address.',
  parameters: [ID],
  async run(args, ground) {
    const { id, book } = await find(args, ground);
    await book.remove(id);
    return { id };
  },
  show: ({ id }) => `Removed ${id}.`,
};

function booksOf({ hosts }: CommandGround): Book[] {
  const books = [...hosts].flatMap(([domain, { services }]): Book[] => {
    const book = services.find(reports);
    return book === undefined ? [] : [[domain, book]];
  });
  if (books.length === 0) throw new CommandError('no reports are kept here: features.blocking is off');
  return books;
}

async function find(
  args: Arguments,
  ground: CommandGround,
): Promise<{ readonly domain: string; readonly id: string; readonly book: Reports; readonly report: Report }> {
  const id = String(args['id']);
  for (const [domain, book] of booksOf(ground)) {
    const report = await book.get(id);
    if (report !== undefined) return { domain, id, book, report };
  }
  throw new CommandError(`there is no report ${id}`);
}

/** Whether an address is another, one of its resources, or one of its users. */
function belongsTo(jid: JID, other: JID): boolean {
  return jid.equals(other) || jid.bare().equals(other) || jid.domain === other.toString();
}

function describe(domain: string, { reporter, texts, at, ...report }: StoredReport): ReportAnswer {
  return {
    ...report,
    at: new Date(at).toISOString(),
    reporter: reporter === undefined ? null : `${reporter}@${domain}`,
    texts: texts.map(({ lang, text }) => ({ lang: lang ?? null, text })),
  };
}

function recipientsOf(allowsOrigin: boolean, allowsThirdParties: boolean): string {
  const recipients = [
    ...(allowsOrigin ? ['the server of the reported address'] : []),
    ...(allowsThirdParties ? ['services that collect reports'] : []),
  ];
  return recipients.length === 0 ? 'nobody' : recipients.join(', ');
}
