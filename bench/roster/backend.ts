// The application that owns the contacts, in a process of its own. Everybody has those who are next to them in a circle.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type Figures, serve } from '../end-to-end/worker.ts';
import { DOMAIN } from '../server.ts';
import { neighbours } from './contacts.ts';

const NOTHING: Figures = {};

let circle = 1;
let delayMs = 0;
let edits = 0;
let open = 0;
let mostOpen = 0;
let requests = 0;

const server = createServer((request, response) => {
  requests++;
  mostOpen = Math.max(mostOpen, ++open);
  response.on('close', () => open--);
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const answer = (): void => reply(request, Buffer.concat(chunks).toString(), response);
    if (delayMs === 0) answer();
    else setTimeout(answer, delayMs);
  });
});

function reply(request: IncomingMessage, body: string, response: ServerResponse): void {
  response.setHeader('content-type', 'application/json');
  if (request.method === 'POST') {
    const users: string[] = JSON.parse(body);
    return void response.end(JSON.stringify(Object.fromEntries(users.map((user) => [user, contactsOf(user)]))));
  }
  response.end(JSON.stringify(contactsOf(request.url?.slice(request.url.lastIndexOf('/') + 1) ?? '')));
}

/** Every edit gives the two nearest contacts other names, and makes or ends the friendships with the two farthest. */
function contactsOf(user: string): Record<string, object> {
  const all = neighbours(Number(user.slice('user'.length)), circle);
  const contacts: Record<string, object> = {};
  for (const [i, other] of (edits % 2 === 0 ? all : all.slice(0, -2)).entries()) {
    const name = i < 2 ? `User ${other} of edit ${edits}` : `User ${other}`;
    contacts[`user${other}@${DOMAIN}`] = { name, groups: { Friends: true, [`Row ${other % 7}`]: true } };
  }
  return contacts;
}

/** Begins to listen, or to count anew. */
async function begin(given: Figures): Promise<Figures> {
  circle = given['users'] ?? 1;
  delayMs = given['delayMs'] ?? 0;
  mostOpen = 0;
  requests = 0;
  edits = 0;
  if (!server.listening) await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return { port: typeof address === 'object' && address !== null ? address.port : 0 };
}

async function edit(): Promise<Figures> {
  edits++;
  return NOTHING;
}

serve(
  { serve: begin, edit, seen: async () => ({ mostOpen, requests }) },
  async () => void server.closeAllConnections(),
);
