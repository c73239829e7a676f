import { test } from 'node:test';
import { Stage } from '../support/stage.ts';

test('a chat message reaches the full JID of another session', async (t) => {
  const stage = await Stage.open(t, { features: [] });
  const { romeo, juliet } = await stage.connected({ romeo: 'romeo', juliet: 'juliet' });
  await romeo.sends('<message to="juliet@stage.example/juliet" type="chat" id="1"><body>hi</body></message>');
  await juliet.receives(
    '<message from="romeo@stage.example/romeo" to="juliet@stage.example/juliet" type="chat" id="1"><body>hi</body></message>',
  );
  await romeo.sends('<message to="nobody@stage.example" type="chat" id="2"><body>hi</body></message>');
  await romeo.receives(
    '<message from="nobody@stage.example" to="romeo@stage.example/romeo" type="error" id="2"><error type="cancel"><service-unavailable xmlns="urn:ietf:params:xml:ns:xmpp-stanzas"/></error></message>',
  );
});
