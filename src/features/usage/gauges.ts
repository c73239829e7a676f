import type { FeatureHost } from '../../core/feature.ts';
import type { ActiveUsers } from '../active-users/api.ts';
import { type Visitors, visitorCounted } from '../monthly-visitors/api.ts';
import type { Shares, UsageFigures, VisitorFigures } from './api.ts';

/** Exports how many users were active lately, once they have been counted since the start. */
export function exportActiveUsers(host: FeatureHost, latest: () => ActiveUsers | undefined): void {
  const spans = [
    ['active_users_1d', 'day', 'Users active in the last 24 hours'],
    ['active_users_7d', 'week', 'Users active in the last 7 days'],
    ['active_users_30d', 'month', 'Users active in the last 30 days'],
  ] as const;
  for (const [name, span, help] of spans) {
    const remove = host.metrics.measured({ name, help }, (put) => {
      const counted = latest();
      if (counted !== undefined) put({}, counted[span]);
    });
    host.defer(remove);
  }
}

/** Exports the visitors of the present month; where they are from only if that is wanted. */
export function exportVisitors(host: FeatureHost, visitors: Visitors, figures: UsageFigures): void {
  let known: VisitorFigures | undefined;
  let isCurrent = false;
  host.observe(visitorCounted, () => {
    isCurrent = false;
  });
  const refresh = async (): Promise<void> => {
    if (isCurrent && known?.month === visitors.month) return;
    isCurrent = true;
    try {
      known = await figures.visitors();
    } catch (error) {
      isCurrent = false;
      throw error;
    }
  };
  const parts = [
    ['monthly_visitors_clients', 'category', 'Visitors of this month by client', (of: VisitorFigures) => of.clients],
    [
      'monthly_visitors_geo',
      'place',
      'Visitors of this month by place',
      (of: VisitorFigures) => placesOf(of, visitors),
    ],
  ] as const;
  const total = { name: 'monthly_visitors', help: 'Users who visited in this month', labels: ['month'] } as const;
  const removals = [
    host.metrics.onCollect(refresh),
    host.metrics.measured(total, (put) => known && put({ month: known.month }, known.total)),
    ...parts.map(([name, label, help, shares]) =>
      host.metrics.measured<string>({ name, help, labels: ['month', label] }, (put) => {
        if (known === undefined) return;
        for (const { name, count } of shares(known)) put({ month: known.month, [label]: name }, count);
      }),
    ),
  ];
  for (const remove of removals) host.defer(remove);
}

function placesOf(figures: VisitorFigures, { exportGeo }: Visitors): Shares {
  return exportGeo ? figures.places : [];
}
