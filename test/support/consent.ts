import assert from 'node:assert/strict';
import { PASSWORD } from './live-server.ts';

type Button = 'granted' | 'denied';
type Fields = [name: string, value: string][];

/**
 * Logs romeo in on the pages of an application, ticks all that can be ticked and presses a button, as a person does in a browser
 * without JavaScript; returns the answer, and does not follow it.
 */
export async function decide(address: URL, consent: Button = 'granted'): Promise<Response> {
  const send = (fields: Fields): Promise<Response> =>
    fetch(address, { method: 'POST', body: new URLSearchParams(fields), redirect: 'manual' });
  assert.match(await (await fetch(address)).text(), /<input[^>]* name="password"/);
  const login = await send([
    ['username', 'romeo'],
    ['password', PASSWORD],
  ]);
  const page = await login.text();
  const token = /name="user_token" value="([^"]*)"/.exec(page)?.[1] ?? assert.fail(page);
  const boxes = page.matchAll(/name="scope" value="([^"]*)"/g);
  const ticked = Array.from(boxes, ([, scope = '']): [string, string] => ['scope', scope]);
  return send([['user_token', token], ['consent', consent], ...ticked]);
}

/** Decides on a request for a code; returns where the browser is sent. */
export async function redirected(address: URL, consent?: Button): Promise<URL> {
  const answer = await decide(address, consent);
  assert.equal(answer.status, 303, await answer.text());
  return new URL(answer.headers.get('location') ?? '');
}

/** Types the code of a device and decides on it; returns the page that says what became of it. */
export async function decideOnDevice(device: { user_code: string; verification_uri: string }, consent?: Button) {
  const body = new URLSearchParams({ user_code: device.user_code });
  const typed = await fetch(device.verification_uri, { method: 'POST', body, redirect: 'manual' });
  assert.equal(typed.status, 303, await typed.text());
  const answer = await decide(new URL(typed.headers.get('location') ?? '', device.verification_uri), consent);
  assert.equal(answer.status, 200);
  return answer.text();
}
