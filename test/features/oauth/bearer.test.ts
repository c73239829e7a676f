import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { bearerError } from '../../../src/features/oauth/bearer.ts';
import { HttpError } from '../../../src/http/message.ts';
import { DOMAIN } from '../../support/stage.ts';
import { open, requestWith, type TokenScene } from './token-scene.ts';

const REALM = `Bearer realm="${DOMAIN}"`;

async function refusal({ tokens }: TokenScene, authorization: readonly string[], ...scopes: string[]) {
  try {
    await tokens.require(requestWith(...authorization), ...scopes);
  } catch (error) {
    assert.ok(error instanceof HttpError);
    return [error.status, error.headers['www-authenticate']];
  }
  return undefined;
}

describe('A request', () => {
  test('with a token that has one of the scopes is let in', async (t) => {
    const scene = await open(t);
    const { accessToken, grantId } = await scene.issue('openid xmpp:account:read');
    for (const scopes of [[], ['openid'], ['xmpp', 'openid']]) {
      const access = await scene.tokens.require(requestWith(`Bearer ${accessToken}`), ...scopes);
      assert.equal(access.grantId, grantId);
    }
    assert.ok(await scene.tokens.require(requestWith(`bearer   ${accessToken} `), 'openid'), 'the scheme has no case');
  });

  test('without a token is told what is wanted, and no error', async (t) => {
    const scene = await open(t);
    for (const authorization of [[], [''], ['Basic cm9tZW86c2VjcmV0']]) {
      assert.deepEqual(await refusal(scene, authorization), [401, REALM]);
    }
  });

  test('is answered in the letters of headers, whatever script the domain is in', () => {
    const { headers } = bearerError('театр.example', 'invalid_token', 'No');
    assert.match(headers['www-authenticate'] ?? '', /^Bearer realm="xn--80aj8afc.example", /);
  });

  test('with a token that is not good is told so', async (t) => {
    const scene = await open(t);
    const { refreshToken = '' } = await scene.issue();
    const error = `${REALM}, error="invalid_token", error_description="The token is not good or has expired"`;
    for (const token of ['secret-token:AAAA', refreshToken, '"', 'a,b="c"']) {
      assert.deepEqual(await refusal(scene, [`Bearer ${token}`]), [401, error]);
    }
  });

  test('with a token of other scopes is told which it would have needed', async (t) => {
    const scene = await open(t);
    const { accessToken } = await scene.issue('openid');
    const description = 'The token does not give access to this';
    const error = `${REALM}, error="insufficient_scope", error_description="${description}", scope="xmpp:account:read"`;
    assert.deepEqual(await refusal(scene, [`Bearer ${accessToken}`], 'xmpp:account:read', 'xmpp'), [403, error]);
  });

  test('with no token after all, two of them, or two headers is malformed', async (t) => {
    const scene = await open(t);
    const { accessToken } = await scene.issue();
    const bearer = `Bearer ${accessToken}`;
    const error = `${REALM}, error="invalid_request", error_description="Expected one bearer token"`;
    for (const authorization of [['Bearer'], [`${bearer} ${accessToken}`], [bearer, bearer], ['Basic eDp5', bearer]]) {
      assert.deepEqual(await refusal(scene, authorization), [400, error]);
    }
  });
});
