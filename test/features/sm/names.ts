export const NS = 'urn:xmpp:sm:3';
export const ENABLE = `<enable xmlns='${NS}' resume='true'/>`;
export const ASK = `<r xmlns='${NS}'/>`;

export function acknowledgement(h: number | string): string {
  return `<a xmlns='${NS}' h='${h}'/>`;
}
