"""Keeps rosters as a client written with slixmpp does, and says what is in them when it is asked.

Usage: slixmpp_roster.py PORT USER@DOMAIN/RESOURCE... Reads requests from standard input, one on each line:

    rosters   prints what each client's `client_roster` has, as a JSON array of objects by address
    again     asks for the rosters once more, with the version that the client has; prints how many items came to each
    online    prints for each client the full addresses of contacts whose presence it has

Each answer is one line of JSON, given when everything is handled that the server sent before.
"""

import asyncio
import json
import logging
import ssl
import sys

import slixmpp

PORT, JIDS = int(sys.argv[1]), sys.argv[2:]
PASSWORD = "correct horse battery staple"
PATIENCE = 10


class Client(slixmpp.ClientXMPP):
    def __init__(self, jid):
        super().__init__(jid, PASSWORD)
        # The certificate is self-signed.
        self.ssl_context.check_hostname = False
        self.ssl_context.verify_mode = ssl.CERT_NONE
        self.register_plugin("xep_0199")
        self.auto_authorize = None
        self.started = asyncio.get_event_loop().create_future()
        self.add_event_handler("session_start", lambda _: self.started.set_result(None))

    async def log_in(self):
        self.connect(("127.0.0.1", PORT))
        await asyncio.wait_for(self.started, PATIENCE)
        self.send_presence()
        await self.get_roster()

    async def settle(self):
        """Whatever the server sent before it answers is handled then."""
        await self["xep_0199"].ping(self.boundjid.domain)

    def contacts(self):
        """slixmpp has an item for whoever sent presence, too; contacts are those with a subscription."""
        for jid in self.client_roster:
            item = self.client_roster[jid]
            if item["subscription"] != "none":
                yield jid, item


def roster(client):
    return {jid: {"name": item["name"], "groups": sorted(item["groups"]), "subscription": item["subscription"]}
            for jid, item in client.contacts()}


async def again(client):
    answer = await client.get_roster()
    return len(answer["roster"]["items"])


def online(client):
    return sorted(f"{jid}/{resource}" for jid, item in client.contacts() for resource in item.resources)


async def main():
    clients = [Client(jid) for jid in JIDS]
    for client in clients:
        await client.log_in()
    print(json.dumps([client.boundjid.full for client in clients]), flush=True)
    lines = asyncio.StreamReader()
    loop = asyncio.get_event_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while request := (await lines.readline()).decode().strip():
        for client in clients:
            await client.settle()
        if request == "rosters":
            answer = [roster(client) for client in clients]
        elif request == "again":
            answer = [await again(client) for client in clients]
        elif request == "online":
            answer = [online(client) for client in clients]
        else:
            answer = f"no such request: {request}"
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    logging.basicConfig(level=logging.CRITICAL)
    asyncio.get_event_loop().run_until_complete(main())
