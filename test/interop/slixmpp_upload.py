"""Uploads a file to a server and reads it again, with slixmpp and aiohttp.

Usage: slixmpp_upload.py DOMAIN PORT USER PASSWORD FILE. Prints the URL; SSL_CERT_FILE names the certificate to believe.
"""

import asyncio
import ssl
import sys

import slixmpp
from aiohttp import ClientSession
from slixmpp.exceptions import IqError

DOMAIN, PORT, USER, PASSWORD, FILE = sys.argv[1], int(sys.argv[2]), *sys.argv[3:6]


async def main():
    client = slixmpp.ClientXMPP(f"{USER}@{DOMAIN}", PASSWORD)
    client.ssl_context.check_hostname = False
    client.ssl_context.verify_mode = ssl.CERT_NONE
    client.register_plugin("xep_0363")
    started = asyncio.get_event_loop().create_future()
    client.add_event_handler("session_start", lambda _: started.set_result(True))
    client.connect(("127.0.0.1", PORT))
    await asyncio.wait_for(started, 10)
    upload = client["xep_0363"]
    # Step by step: slixmpp 1.8 finds no service by itself under Python 3.11.
    items = await client["xep_0030"].get_items(jid=DOMAIN)
    service = next(jid for jid, _, name in items["disco_items"]["items"] if name == "HTTP File Upload")
    info = (await client["xep_0030"].get_info(jid=service))["disco_info"]
    assert ("store", "file") in [identity[:2] for identity in info["identities"]], info
    upload.upload_service = service
    upload.max_file_size = int(info["form"]["values"]["max-file-size"])
    assert upload.max_file_size == 100 * 1024 * 1024, upload.max_file_size
    try:
        await upload.request_slot(service, FILE, upload.max_file_size + 1)
        raise AssertionError("the service took a file that is too large")
    except IqError as error:
        assert error.condition == "not-acceptable", error
    url = await upload.upload_file(FILE, timeout=10)
    async with ClientSession() as session:
        async with session.get(url) as response:
            assert response.status == 200, response.status
            with open(FILE, "rb") as file:
                assert await response.read() == file.read()
    print(url, flush=True)
    client.disconnect()
    await asyncio.wait_for(client.disconnected, 10)


asyncio.get_event_loop().run_until_complete(asyncio.wait_for(main(), 30))
