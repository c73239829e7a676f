import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  isLegalRedirectUri,
  isRegistered,
  OUT_OF_BAND,
  redirectUriOf,
  withParameters,
} from '../../src/oauth/redirect-uris.ts';
import { isLoopback, parseUri } from '../../src/oauth/uris.ts';
import { client, NATIVE } from './fixtures.ts';

describe('A redirect URI', () => {
  test('of a website is https at the host of the website, on any port', () => {
    for (const uri of [
      'https://app.example',
      'https://app.example/cb',
      'https://app.example:8443/cb?a=b&c',
      'https://app.example/%C3%BC',
    ]) {
      assert.equal(isLegalRedirectUri(uri, 'web', 'app.example'), true, uri);
      assert.equal(isLegalRedirectUri(uri, 'native', 'app.example'), false, uri);
    }
    assert.equal(isLegalRedirectUri('https://xn--bcher-kva.example/cb', 'web', 'xn--bcher-kva.example'), true);
    assert.equal(isLegalRedirectUri('https://192.0.2.1/cb', 'web', '192.0.2.1'), true);
  });

  test('of an application is on the loopback interface, of a scheme with a dot, or out of band', () => {
    const legal = [
      'http://localhost',
      'http://localhost/cb',
      'http://127.0.0.1:53211/cb?x=1',
      'http://[::1]:1/cb',
      'http://[::1]:65535/cb',
      'org.example.app:/cb',
      'org.example.app://signed-in/cb?x',
      'org.example.app:cb',
      OUT_OF_BAND,
    ];
    for (const uri of legal) {
      assert.equal(isLegalRedirectUri(uri, 'native', 'app.example'), true, uri);
      assert.equal(isLegalRedirectUri(uri, 'web', 'app.example'), false, uri);
    }
  });

  const NEVER = [
    '',
    '/cb',
    '//app.example/cb',
    'cb',
    'app.example/cb',
    'https:',
    'https:/app.example/cb',
    'https:///cb',
    'https://',
    'http://app.example/cb',
    'https://other.example/cb',
    'https://sub.app.example/cb',
    'https://app.example.other.example/cb',
    'https://app.example@other.example/cb',
    'https://user@app.example/cb',
    'https://user:password@app.example/cb',
    'https://@app.example/cb',
    'http://user@localhost/cb',
    'org.example.app://user@host/cb',
    'https://app.example/cb#',
    'https://app.example/cb#part',
    'http://localhost/cb#part',
    'org.example.app:/cb#part',
    'https://app.example:0/cb',
    'https://app.example:65536/cb',
    'https://app.example:99999999999/cb',
    'https://app.example:/cb',
    'https://app.example:080/cb',
    'https://app.example:+1/cb',
    'http://localhost:0/cb',
    'http://[::1]:65536/cb',
    'org.example.app://host:65536/cb',
    'HTTPS://app.example/cb',
    'https://APP.example/cb',
    'https://app.example./cb',
    'https://app。example/cb',
    'https://ａpp.example/cb',
    'https://%61pp.example/cb',
    'https://app.exa\u00admple/cb',
    'https://app.example\\@other.example/cb',
    'https://app.example\t/cb',
    'https://app.example/c\nb',
    ' https://app.example/cb',
    'https://app.example/cb ',
    'https://app.example/\0',
    'https://app.example/ü',
    'https://app.example/%',
    'https://app.example/%zz',
    'https://app.example/<script>',
    'http://127.1/cb',
    'http://0x7f.0.0.1/cb',
    'http://2130706433/cb',
    'http://127.0.0.2/cb',
    'http://[0:0:0:0:0:0:0:1]/cb',
    'http://[::ffff:127.0.0.1]/cb',
    'http://0.0.0.0/cb',
    'http://localhost.example/cb',
    'http://sub.localhost/cb',
    'https://localhost/cb',
    'http://loca%6chost/cb',
    'javascript:alert(1)',
    'JavaScript:alert(1)',
    'data:text/html,x',
    'vbscript:x',
    'file:///etc/passwd',
    'blob:https://app.example/1',
    'app:/cb',
    '.app:/cb',
    'org.example.app:',
    'urn:ietf:params:oauth:grant-type:device_code',
    'urn:ietf:wg:oauth:2.0:oob:auto',
    'URN:ietf:wg:oauth:2.0:oob',
    'urn:ietf:wg:oauth:2.0:oob#',
  ];
  for (const uri of NEVER) {
    test(`is never ${JSON.stringify(uri)}`, () => {
      for (const type of ['web', 'native'] as const) assert.equal(isLegalRedirectUri(uri, type, 'app.example'), false);
    });
  }

  test('of a host that is not normal is refused even if the website has the same', () => {
    for (const host of ['APP.example', 'bücher.example', 'xn--a.example', '127.1', 'app.example.', '[::01]']) {
      assert.equal(isLegalRedirectUri(`https://${host}/cb`, 'web', host), false, host);
    }
  });

  test('of any text is legal or not, and if it is, browsers go where it says', () => {
    const piece = fc.constantFrom(
      'https:',
      'http:',
      '/',
      '//',
      '\\',
      'app.example',
      '@',
      ':',
      '8',
      '[::1]',
      '?',
      '#',
      '%2f',
      'é',
      '.',
      '\t',
      'localhost',
    );
    const soup = fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join(''));
    fc.assert(
      fc.property(fc.oneof(soup, fc.webUrl(), fc.string()), (text) => {
        if (isLegalRedirectUri(text, 'web', 'app.example')) {
          assert.equal(new URL(text).hostname, 'app.example');
          assert.equal(new URL(text).protocol, 'https:');
        }
        if (isLegalRedirectUri(text, 'native', '') && text.startsWith('http')) {
          assert.ok(['localhost', '127.0.0.1', '[::1]'].includes(new URL(text).hostname));
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe('A client is sent back', () => {
  const web = client({ redirect_uris: ['https://garden.example/cb?a=1', 'https://garden.example/other'] });

  test('only to what it registered, as the same string', () => {
    for (const uri of web.metadata.redirect_uris) assert.equal(redirectUriOf(web, uri), uri);
    const others = [
      'https://garden.example/cb',
      'https://garden.example/cb?a=1&b',
      'https://garden.example/cb/../cb?a=1',
      'https://garden.example:443/other',
      'https://garden.example/other/',
      'https://garden.example/other#',
      'https://GARDEN.example/other',
      'http://garden.example/other',
      '',
      'urn:ietf:params:oauth:grant-type:device_code',
    ];
    for (const uri of others) assert.equal(redirectUriOf(web, uri), undefined, uri);
  });

  test('without saying where if there is only one place', () => {
    assert.equal(redirectUriOf(web, undefined), undefined);
    assert.equal(redirectUriOf(client(), undefined), 'https://garden.example/signed-in');
    const device = client({ redirect_uris: undefined, grant_types: ['urn:ietf:params:oauth:grant-type:device_code'] });
    assert.equal(redirectUriOf(device, undefined), undefined);
  });

  test('to any port and any name of the loopback interface, if path and query are the same', () => {
    const native = client({ ...NATIVE, redirect_uris: ['http://localhost/cb', 'org.example.app:/cb'] });
    const same = ['http://localhost/cb', 'http://127.0.0.1:53211/cb', 'http://[::1]:1/cb', 'http://localhost:65535/cb'];
    for (const uri of same) assert.equal(redirectUriOf(native, uri), uri);
    const others = [
      'http://127.0.0.1:53211/cb2',
      'http://127.0.0.1/cb?',
      'http://127.0.0.1/cb?x',
      'http://127.0.0.1/cb#',
      'http://127.0.0.1/CB',
      'http://127.0.0.1:0/cb',
      'http://127.0.0.2/cb',
      'http://user@localhost/cb',
      'http://localhost@other.example/cb',
      'https://localhost/cb',
      'http://other.example/cb',
      'org.example.app:1/cb',
      'org.example.app://localhost/cb',
    ];
    for (const uri of others) assert.equal(isRegistered(native, uri), false, uri);
  });

  test('with parameters that leave its own query as it is', () => {
    const parameters = { code: 'a b&c', state: undefined, iss: 'https://example.org' };
    const added = 'code=a+b%26c&iss=https%3A%2F%2Fexample.org';
    assert.equal(withParameters('https://a.example/cb', parameters), `https://a.example/cb?${added}`);
    assert.equal(withParameters('https://a.example/cb?x=%20', parameters), `https://a.example/cb?x=%20&${added}`);
    assert.equal(withParameters('https://a.example/cb?', parameters), `https://a.example/cb?${added}`);
    assert.equal(withParameters('org.example:/cb', parameters), `org.example:/cb?${added}`);
    assert.equal(withParameters('https://a.example/cb?x', parameters, 'fragment'), `https://a.example/cb?x#${added}`);
  });
});

describe('A host', () => {
  test('is loopback by any of its names', () => {
    for (const host of [
      'localhost',
      'a.localhost',
      '127.0.0.1',
      '127.255.0.3',
      '[::1]',
      '[::]',
      '0.0.0.0',
      '[::ffff:7f00:1]',
    ]) {
      assert.equal(isLoopback(host), true, host);
    }
    for (const host of ['localhost.example', 'notlocalhost', '128.0.0.1', '127.example', '[::2]', '']) {
      assert.equal(isLoopback(host), false, host);
    }
  });

  test('is parted from the rest', () => {
    const uri = parseUri('https://app.example:8443/a?b#c');
    assert.deepEqual(uri, { scheme: 'https', host: 'app.example', rest: '/a?b', hasFragment: true });
  });
});
