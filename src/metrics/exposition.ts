/** One value: what is added to the family's name, the labels, the number. */
export interface Sample {
  readonly suffix: string;
  readonly labels: Readonly<Record<string, string | number | undefined>>;
  readonly value: number;
}

/** All values of one name; that of a counter is without `_total`. */
export interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly samples: readonly Sample[];
  /** Since when a counter has counted, in seconds since the Unix epoch. */
  readonly createdAt: number;
}

/** The media types of the two text formats. OpenMetrics 1.0 §5, Prometheus exposition formats. */
export const CONTENT_TYPES = {
  openMetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
  plain: 'text/plain; version=0.0.4; charset=utf-8',
} as const;

/** A text format of metrics. */
export type ExpositionFormat = keyof typeof CONTENT_TYPES;

/** Writes families in a text format; families without values are left out. */
export function exposition(families: Iterable<Family>, format: ExpositionFormat): string {
  let text = '';
  for (const family of families) if (family.samples.length > 0) text += familyText(family, format);
  return format === 'openMetrics' ? `${text}# EOF\n` : text;
}

function familyText({ name, help, type, samples, createdAt }: Family, format: ExpositionFormat): string {
  const isOpen = format === 'openMetrics';
  // The older format knows the counter by the name of its value.
  const header = isOpen || type !== 'counter' ? name : `${name}_total`;
  let text = `# TYPE ${header} ${type}\n# HELP ${header} ${escapeHelp(help, isOpen)}\n`;
  for (const { suffix, labels, value } of samples) {
    const list = labelList(labels);
    text += `${name}${suffix}${list} ${numberText(value)}\n`;
    if (isOpen && type === 'counter') text += `${name}_created${list} ${numberText(createdAt)}\n`;
  }
  return text;
}

function labelList(labels: Sample['labels']): string {
  const parts: string[] = [];
  for (const name in labels) parts.push(`${name}="${escapeLabel(labelText(name, labels[name] ?? ''))}"`);
  return parts.length === 0 ? '' : `{${parts.join(',')}}`;
}

// Bounds of buckets are written as floating point numbers. OpenMetrics 1.0 §6.5.
function labelText(name: string, value: string | number): string {
  if (name !== 'le') return String(value);
  const bound = Number(value === '+Inf' ? Number.POSITIVE_INFINITY : value);
  return Number.isInteger(bound) ? bound.toFixed(1) : numberText(bound);
}

function numberText(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf';
  return value === Number.NEGATIVE_INFINITY ? '-Inf' : String(value);
}

function escapeLabel(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"');
}

function escapeHelp(help: string, isOpen: boolean): string {
  const plain = help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
  return isOpen ? plain.replaceAll('"', '\\"') : plain;
}
