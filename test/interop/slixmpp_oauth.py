"""Finds out with slixmpp where a server gives tokens, logs in with one, and waits until it is shown out.

Usage: slixmpp_oauth.py DOMAIN PORT USER. Prints, as lines of JSON, what the server tells a client without a token; then reads a
token from standard input, prints the address that is bound and the number of contacts, and in the end the condition of the error
that the stream ended with.
"""

import asyncio
import json
import logging
import ssl
import sys

import slixmpp
from slixmpp.util.sasl import sasl_mech
from slixmpp.util.sasl.client import Mech

DOMAIN, PORT, USER = sys.argv[1], int(sys.argv[2]), sys.argv[3]
PATIENCE = 10
TOLD = []


@sasl_mech(90)
class OAuthBearer(Mech):
    """RFC 7628, which slixmpp does not have yet, as one of its mechanisms."""

    name = "OAUTHBEARER"
    required_credentials = {"access_token"}
    is_begun = False

    def process(self, challenge=b""):
        if self.is_begun:
            if challenge:
                TOLD.append(json.loads(challenge))
                return b"\x01"
            return b""
        self.is_begun = True
        return b"n,a=%s@%s,\x01auth=Bearer %s\x01\x01" % (USER.encode(), DOMAIN.encode(), self.credentials["access_token"])


def say(what):
    print(json.dumps(what), flush=True)


def client_with(token):
    client = slixmpp.ClientXMPP(f"{USER}@{DOMAIN}", "", sasl_mech="OAUTHBEARER")
    client.credentials["access_token"] = token
    client.ssl_context.check_hostname = False
    client.ssl_context.verify_mode = ssl.CERT_NONE
    return client


def event_of(client, name):
    """The first time that something happens, from now on."""
    future = asyncio.get_event_loop().create_future()
    client.add_event_handler(name, lambda data: future.done() or future.set_result(data))
    return future


async def main():
    nobody = client_with("")
    failed = event_of(nobody, "failed_auth")
    nobody.connect(("127.0.0.1", PORT))
    condition = (await asyncio.wait_for(failed, PATIENCE))["condition"]
    say({"told": TOLD[0], "condition": condition})
    nobody.abort()

    token = (await asyncio.get_event_loop().run_in_executor(None, sys.stdin.readline)).strip()
    client = client_with(token)
    started, error, ended = (event_of(client, name) for name in ("session_start", "stream_error", "disconnected"))
    client.connect(("127.0.0.1", PORT))
    await asyncio.wait_for(started, PATIENCE)
    await client.get_roster()
    say({"jid": client.boundjid.full, "contacts": len(client.client_roster)})
    condition = (await asyncio.wait_for(error, PATIENCE))["condition"]
    await asyncio.wait_for(ended, PATIENCE)
    say({"ended": condition})


logging.basicConfig(level=logging.CRITICAL)
asyncio.get_event_loop().run_until_complete(asyncio.wait_for(main(), 40))
