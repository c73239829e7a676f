import type { FeatureHost } from '../../core/feature.ts';
import type { ActiveUsers } from '../active-users/api.ts';
import { type Visitors, visitorCounted } from '../monthly-visitors/api.ts';
import type { UsageFigures, VisitorFigures } from './api.ts';

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
  let [isCurrent, minCell] = [false, 0];
  host.observe(visitorCounted, () => {
    isCurrent = false;
  });
  const refresh = async (): Promise<void> => {
    if (isCurrent && known?.month === visitors.month && minCell === visitors.minCell) return;
    [isCurrent, minCell] = [true, visitors.minCell];
    try {
      known = await figures.visitors();
    } catch (error) {
      isCurrent = false;
      throw error;
    }
  };
  const { metrics } = host;
  const removals = [
    metrics.onCollect(refresh),
    metrics.measured(
      { name: 'monthly_visitors', help: 'Users who visited in this month', labels: ['month'] },
      (put) => known && put({ month: known.month }, known.total),
    ),
    metrics.measured(
      { name: 'monthly_visitors_clients', help: 'Visitors of this month by client', labels: ['category'] },
      (put) => {
        for (const { name, count } of known?.clients ?? []) put({ category: name }, count);
      },
    ),
    metrics.measured(
      { name: 'monthly_visitors_geo', help: 'Visitors of this month by place', labels: ['place'] },
      (put) => {
        if (!visitors.exportGeo) return;
        for (const { name, count } of known?.places ?? []) put({ place: name }, count);
      },
    ),
  ];
  for (const remove of removals) host.defer(remove);
}
