"""Uses a server as a client written with slixmpp does, and prints a line for each thing that worked or did not.

Usage: slixmpp_client.py DOMAIN PORT TLS_PORT MECHANISM..., with in-band registration open. Lines are "ok NAME" and
"not ok NAME: REASON"; the exit code is 1 when anything failed.
"""

import asyncio
import hashlib
import logging
import ssl
import sys
import time
import uuid

import slixmpp
from slixmpp.exceptions import IqError
from slixmpp.plugins.xep_0082 import parse as parse_time
from slixmpp.xmlstream import ET

DOMAIN, PORT, TLS_PORT, MECHANISMS = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:]
PASSWORD = "correct horse battery staple"
PLUGINS = [
    "xep_0012", "xep_0030", "xep_0049", "xep_0050", "xep_0054", "xep_0077", "xep_0092",
    "xep_0115", "xep_0191", "xep_0199", "xep_0202", "xep_0203", "xep_0280", "xep_0313", "xep_0352",
]
PATIENCE = 10
CLIENTS = []


class Client(slixmpp.ClientXMPP):
    """A client that keeps what it receives until it is asked for."""

    def __init__(self, user, resource="", mechanism=None, password=PASSWORD, registers=False):
        jid = f"{user}@{DOMAIN}" + (f"/{resource}" if resource else "")
        super().__init__(jid, password, sasl_mech=mechanism)
        # The certificate is self-signed.
        self.ssl_context.check_hostname = False
        self.ssl_context.verify_mode = ssl.CERT_NONE
        for plugin in PLUGINS:
            self.register_plugin(plugin)
        self["xep_0077"].create_account = registers
        # Otherwise slixmpp 1.8 keeps its own request back until there is a session.
        self._always_send_everything = registers
        self.auto_authorize = None
        CLIENTS.append(self)
        self.outcome = asyncio.get_event_loop().create_future()
        self.received = asyncio.Queue()
        self.mechanism = None
        self.add_event_handler("session_start", lambda _: self._over(True))
        self.add_event_handler("failed_all_auth", lambda _: self._over(False))
        self.add_event_handler("disconnected", lambda _: self._over(False))
        self.add_event_handler("auth_success", self._authenticated)
        self.add_event_handler("register", self._register)
        for event in ("message", "message_error", "presence_available", "presence_away", "presence_unavailable",
                      "presence_subscribe", "presence_subscribed",
                      "carbon_sent", "carbon_received"):
            self.add_event_handler(event, lambda stanza, name=event: self.received.put_nowait((name, stanza)))

    def _over(self, value):
        if not self.outcome.done():
            self.outcome.set_result(value)

    def _authenticated(self, _):
        self.mechanism = self["feature_mechanisms"].mech.name

    async def _register(self, form):
        answer = self.Iq()
        answer["type"] = "set"
        answer["register"]["username"] = self.boundjid.user
        answer["register"]["password"] = PASSWORD
        await answer.send()

    async def log_in(self, direct_tls=False, online=True):
        self.connect(("127.0.0.1", TLS_PORT if direct_tls else PORT), use_ssl=direct_tls,
                     force_starttls=not direct_tls, disable_starttls=direct_tls)
        assert await asyncio.wait_for(self.outcome, PATIENCE), "no session"
        if online:
            self.send_presence()
            await self.get_roster()
        return self

    async def expect(self, event, wanted=lambda stanza: True):
        """Takes events until the wanted one comes."""
        async def search():
            while True:
                name, stanza = await self.received.get()
                if name == event and wanted(stanza):
                    return stanza
        return await asyncio.wait_for(search(), PATIENCE)

    async def log_out(self):
        self.disconnect()
        await asyncio.wait_for(self.disconnected, PATIENCE)


async def registration():
    """Creates the accounts that everything else uses."""
    for user in ("romeo", "juliet"):
        client = await Client(user, registers=True).log_in()
        assert client.boundjid.bare == f"{user}@{DOMAIN}", client.boundjid
        await client.log_out()


def login(mechanism, direct_tls):
    async def check():
        client = await Client("romeo", "orchard", mechanism).log_in(direct_tls)
        assert client.boundjid.full == f"romeo@{DOMAIN}/orchard", client.boundjid
        assert mechanism is None or client.mechanism == mechanism, client.mechanism
        await client.log_out()
    return check


async def wrong_password():
    client = Client("romeo", password="wrong", mechanism=MECHANISMS[0])
    try:
        await client.log_in()
    except AssertionError:
        return
    raise AssertionError("logged in")


async def roster():
    romeo = await Client("romeo", "orchard").log_in()
    await romeo.update_roster(f"friar@{DOMAIN}", name="Frà Lorenzo", groups=["Verona", "Church"])
    other = await Client("romeo", "street").log_in()
    item = other.client_roster[f"friar@{DOMAIN}"]
    assert item["name"] == "Frà Lorenzo", item["name"]
    assert sorted(item["groups"]) == ["Church", "Verona"], item["groups"]
    await romeo.del_roster_item(f"friar@{DOMAIN}")
    await other["xep_0199"].ping(DOMAIN)
    assert not other.client_roster.has_jid(f"friar@{DOMAIN}")
    await romeo.log_out()
    await other.log_out()


async def subscription():
    romeo = await Client("romeo", "orchard").log_in()
    juliet = await Client("juliet", "balcony").log_in(direct_tls=True)
    for asking, asked in ((romeo, juliet), (juliet, romeo)):
        asking.send_presence_subscription(asked.boundjid.bare)
        await asked.expect("presence_subscribe", lambda stanza: stanza["from"] == asking.boundjid.bare)
        asked.send_presence(pto=asking.boundjid.bare, ptype="subscribed")
        await asking.expect("presence_subscribed", lambda stanza: stanza["from"] == asked.boundjid.bare)
        await asking.expect("presence_available", lambda stanza: stanza["from"] == asked.boundjid.full)
    for client, contact in ((romeo, juliet), (juliet, romeo)):
        await client["xep_0199"].ping(DOMAIN)
        item = client.client_roster[contact.boundjid.bare]
        assert item["subscription"] == "both", item["subscription"]
    juliet.send_presence(pshow="away", pstatus="at the ball")
    away = await romeo.expect("presence_away")
    assert away["status"] == "at the ball", away
    full = juliet.boundjid.full
    await juliet.log_out()
    await romeo.expect("presence_unavailable", lambda stanza: stanza["from"] == full)
    await romeo.log_out()


async def chat():
    romeo = await Client("romeo", "orchard").log_in()
    juliet = await Client("juliet", "balcony").log_in()
    for to in (juliet.boundjid.full, juliet.boundjid.bare):
        body = f"to {to}: wherefore art thou? 🌹 <&>"
        romeo.send_message(mto=to, mbody=body, mtype="chat")
        message = await juliet.expect("message")
        assert message["body"] == body, message
        assert message["from"] == romeo.boundjid.full, message
    romeo.send_message(mto=f"nobody@{DOMAIN}", mbody="anyone?", mtype="chat")
    error = await romeo.expect("message_error")
    assert error["error"]["condition"] == "service-unavailable", error
    await juliet.log_out()
    await romeo.log_out()


async def carbons():
    phone = await Client("romeo", "phone").log_in()
    laptop = await Client("romeo", "laptop").log_in()
    web = await Client("romeo", "web").log_in()
    juliet = await Client("juliet", "balcony").log_in()
    for client in (phone, laptop):
        await client["xep_0280"].enable()
    await web["xep_0280"].enable()
    await web["xep_0280"].disable()
    features = (await phone["xep_0030"].get_info(jid=DOMAIN))["disco_info"]["features"]
    assert {"urn:xmpp:carbons:2", "urn:xmpp:carbons:rules:0"} <= features, features
    phone.send_message(mto=juliet.boundjid.full, mbody="from the phone", mtype="chat")
    sent = (await laptop.expect("carbon_sent"))["carbon_sent"]
    assert sent["body"] == "from the phone" and sent["to"] == juliet.boundjid.full, sent
    juliet.send_message(mto=phone.boundjid.full, mbody="to the phone", mtype="chat")
    assert (await phone.expect("message"))["body"] == "to the phone"
    received = (await laptop.expect("carbon_received"))["carbon_received"]
    assert received["body"] == "to the phone" and received["from"] == juliet.boundjid.full, received
    private = juliet.make_message(mto=phone.boundjid.full, mbody="between us", mtype="chat")
    private.append(ET.Element("{urn:xmpp:carbons:2}private"))
    private.send()
    assert (await phone.expect("message"))["body"] == "between us"
    juliet.send_message(mto=f"romeo@{DOMAIN}", mbody="to all", mtype="chat")
    for client in (phone, laptop, web):
        assert (await client.expect("message"))["body"] == "to all"
        await client["xep_0199"].ping(DOMAIN)
        left = [name for name, _ in client.received._queue if name != "presence_available"]
        assert left == [], left
    for client in (phone, laptop, web, juliet):
        await client.log_out()


async def archive():
    romeo = await Client("romeo", "orchard").log_in()
    juliet = await Client("juliet", "balcony").log_in()
    bodies = [f"kept {i} {uuid.uuid4()}" for i in range(12)]
    for body in bodies:
        romeo.send_message(mto=f"juliet@{DOMAIN}", mbody=body, mtype="chat")
    for _ in bodies:
        await juliet.expect("message")
    features = (await juliet["xep_0030"].get_info(jid=f"juliet@{DOMAIN}"))["disco_info"]["features"]
    assert {"urn:xmpp:mam:2", "urn:xmpp:mam:2#extended"} <= features, features
    found = []
    # slixmpp goes from page to page by itself.
    async for result in juliet["xep_0313"].iterate(with_jid=f"romeo@{DOMAIN}", reverse=True, rsm={"max": "5"}, total=12):
        found.append(result["mam_result"]["forwarded"]["stanza"]["body"])
    assert found == bodies[::-1], found
    await romeo.log_out()
    await juliet.log_out()


async def client_state():
    phone = await Client("romeo", "phone").log_in()
    laptop = await Client("romeo", "laptop").log_in()
    assert phone["xep_0352"].enabled
    await phone["xep_0199"].ping(DOMAIN)
    while not phone.received.empty():
        phone.received.get_nowait()
    phone["xep_0352"].send_inactive()
    for show in ("xa", "dnd", "away"):
        laptop.send_presence(pshow=show)
    await laptop.expect("presence_away", lambda stanza: stanza["from"] == laptop.boundjid.full)
    assert phone.received.empty(), phone.received
    laptop.send_message(mto=phone.boundjid.full, mbody="look at me", mtype="chat")
    name, first = await asyncio.wait_for(phone.received.get(), PATIENCE)
    assert name == "presence_away" and first["from"] == laptop.boundjid.full, first
    assert (await phone.expect("message"))["body"] == "look at me"
    laptop.send_presence()
    await laptop.expect("presence_available", lambda stanza: stanza["from"] == laptop.boundjid.full)
    assert phone.received.empty(), phone.received
    phone["xep_0352"].send_active()
    await phone.expect("presence_available", lambda stanza: stanza["from"] == laptop.boundjid.full)
    await phone.log_out()
    await laptop.log_out()


async def offline():
    romeo = await Client("romeo", "orchard").log_in()
    bodies = [f"message {i} {uuid.uuid4()}" for i in range(5)]
    for body in bodies:
        romeo.send_message(mto=f"juliet@{DOMAIN}", mbody=body, mtype="chat")
    await romeo["xep_0199"].ping(DOMAIN)
    juliet = await Client("juliet", "balcony").log_in()
    for body in bodies:
        message = await juliet.expect("message")
        assert message["body"] == body, message
        assert abs(message["delay"]["stamp"].timestamp() - time.time()) < 60, message
        assert message["delay"]["from"] == DOMAIN, message
    await juliet.log_out()
    await romeo.log_out()


async def services():
    romeo = await Client("romeo", "orchard").log_in()
    juliet = await Client("juliet", "balcony").log_in()
    info = await romeo["xep_0030"].get_info(jid=DOMAIN)
    assert ("server", "im") in [identity[:2] for identity in info["disco_info"]["identities"]], info
    features = info["disco_info"]["features"]
    assert {"urn:xmpp:ping", "jabber:iq:version", "vcard-temp", "http://jabber.org/protocol/disco#info"} <= features
    await romeo["xep_0030"].get_items(jid=DOMAIN)
    assert await romeo["xep_0199"].ping(DOMAIN) >= 0
    assert await romeo["xep_0199"].ping(juliet.boundjid.full) >= 0
    version = await romeo["xep_0092"].get_version(DOMAIN)
    assert version["software_version"]["name"] == "Parley", version
    entity_time = await romeo["xep_0202"].get_entity_time(DOMAIN)
    # slixmpp 1.8 appends a second "Z" before it parses the time.
    utc = entity_time.xml.find(".//{urn:xmpp:time}utc").text
    assert abs(parse_time(utc).timestamp() - time.time()) < 60, utc
    last = await romeo["xep_0012"].get_last_activity(DOMAIN)
    assert last["last_activity"]["seconds"] >= 0, last
    # The two are subscribed to each other by now.
    last = await romeo["xep_0012"].get_last_activity(f"juliet@{DOMAIN}")
    assert last["last_activity"]["seconds"] == 0, last
    await juliet.log_out()
    await romeo.log_out()


async def vcard():
    romeo = await Client("romeo", "orchard").log_in()
    card = romeo["xep_0054"].make_vcard()
    card["FN"] = "Romeo Montecchi"
    card["NICKNAME"] = "Roméo"
    await romeo["xep_0054"].publish_vcard(card)
    juliet = await Client("juliet", "balcony").log_in()
    seen = await juliet["xep_0054"].get_vcard(f"romeo@{DOMAIN}")
    assert seen["vcard_temp"]["FN"] == "Romeo Montecchi", seen
    own = await romeo["xep_0054"].get_vcard()
    assert own["vcard_temp"]["NICKNAME"] in ("Roméo", ["Roméo"]), own
    await juliet.log_out()
    await romeo.log_out()


async def avatar():
    romeo = Client("romeo", "orchard")
    romeo.register_plugin("xep_0153")
    await romeo.log_in()
    juliet = Client("juliet", "balcony")
    juliet.register_plugin("xep_0153")
    juliet.add_event_handler("vcard_avatar_update",
                             lambda stanza: juliet.received.put_nowait(("avatar", stanza)))
    await juliet.log_in()
    image = b"\x89PNG\r\n\x1a\nwith some data"
    await romeo["xep_0153"].set_avatar(avatar=image, mtype="image/png")
    wanted = hashlib.sha1(image).hexdigest()
    await juliet.expect("avatar", lambda seen: seen["from"] == romeo.boundjid
                        and seen["vcard_temp_update"]["photo"] == wanted)
    card = await juliet["xep_0054"].get_vcard(f"romeo@{DOMAIN}")
    assert card["vcard_temp"]["PHOTO"]["BINVAL"] == image, card
    # One that knows nothing of avatars shows it all the same.
    plain = await Client("romeo", "street").log_in()
    await juliet.expect("avatar", lambda seen: seen["from"] == plain.boundjid
                        and seen["vcard_temp_update"]["photo"] == wanted)
    for client in (plain, juliet, romeo):
        await client.log_out()


async def commands():
    romeo = await Client("romeo", "orchard").log_in()
    node = "urn:parley:account-password"
    for to in (DOMAIN, f"romeo@{DOMAIN}"):
        listed = await romeo["xep_0050"].get_commands(to)
        assert node in [item[1] for item in listed["disco_items"]["items"]], listed
    outcome = asyncio.get_event_loop().create_future()

    def form(iq, session):
        assert iq["command"]["status"] == "executing", iq
        filled = iq["command"]["form"]
        filled["type"] = "submit"
        filled["values"] = {"password": PASSWORD, "password-verify": PASSWORD}
        session["payload"] = filled
        session["next"] = lambda answer, _: outcome.set_result(answer)
        romeo["xep_0050"].complete_command(session)

    def failed(iq, _):
        outcome.set_exception(AssertionError(str(iq)))

    romeo["xep_0050"].start_command(DOMAIN, node, {"next": form, "error": failed})
    answer = await asyncio.wait_for(outcome, PATIENCE)
    assert answer["command"]["status"] == "completed", answer
    assert [kind for kind, _ in answer["command"]["notes"]] == ["info"], answer
    begun = await romeo["xep_0050"].send_command(DOMAIN, node)
    over = await romeo["xep_0050"].send_command(DOMAIN, node, action="cancel", sessionid=begun["command"]["sessionid"])
    assert over["command"]["status"] == "canceled", over
    await romeo.log_out()


async def private_storage():
    romeo = await Client("romeo", "orchard").log_in()

    async def ask(kind, payload):
        iq = romeo.Iq()
        iq["type"] = kind
        query = ET.Element("{jabber:iq:private}query")
        query.append(payload)
        iq.append(query)
        return await iq.send()

    notes = ET.Element("{urn:example:notes}notes")
    ET.SubElement(notes, "{urn:example:notes}note").text = "a vial & a dagger"
    await ask("set", notes)
    answer = await ask("get", ET.Element("{urn:example:notes}notes"))
    note = answer.xml.find(".//{urn:example:notes}note")
    assert note is not None and note.text == "a vial & a dagger", answer
    await romeo.log_out()


async def blocking():
    romeo = await Client("romeo", "orchard").log_in()
    juliet = await Client("juliet", "balcony").log_in()
    await romeo.expect("presence_available", lambda stanza: stanza["from"] == juliet.boundjid.full)
    assert not (await juliet["xep_0191"].get_blocked())["blocklist"]["items"]
    pushed = asyncio.Queue()
    for event in ("blocked", "unblocked"):
        juliet.add_event_handler(event, lambda iq, event=event: pushed.put_nowait((event, iq)))
    await juliet["xep_0191"].block(romeo.boundjid.bare)
    event, iq = await asyncio.wait_for(pushed.get(), PATIENCE)
    assert event == "blocked" and iq["block"]["items"] == {romeo.boundjid.bare}, iq
    await romeo.expect("presence_unavailable", lambda stanza: stanza["from"] == juliet.boundjid.full)
    romeo.send_message(mto=juliet.boundjid.full, mbody="still there?", mtype="chat")
    error = await romeo.expect("message_error")
    assert error["error"]["condition"] == "service-unavailable", error
    juliet.send_message(mto=romeo.boundjid.bare, mbody="no", mtype="chat")
    error = await juliet.expect("message_error")
    assert error["error"]["condition"] == "not-acceptable", error
    assert error.xml.find(".//{urn:xmpp:blocking:errors}blocked") is not None, error
    assert (await juliet["xep_0191"].get_blocked())["blocklist"]["items"] == {romeo.boundjid.bare}
    await juliet["xep_0191"].unblock(romeo.boundjid.bare)
    event, iq = await asyncio.wait_for(pushed.get(), PATIENCE)
    assert event == "unblocked" and iq["unblock"]["items"] == {romeo.boundjid.bare}, iq
    await romeo.expect("presence_available", lambda stanza: stanza["from"] == juliet.boundjid.full)
    await juliet.log_out()
    await romeo.log_out()


async def unknown_request():
    romeo = await Client("romeo", "orchard").log_in()
    for to in (DOMAIN, None, f"nobody@{DOMAIN}"):
        iq = romeo.make_iq_get("urn:example:none", ito=to)
        try:
            await iq.send()
        except IqError as error:
            assert error.condition == "service-unavailable", error.condition
        else:
            raise AssertionError("answered")
    await romeo.log_out()


async def password_change():
    romeo = await Client("romeo", "orchard").log_in()
    await romeo["xep_0077"].change_password("a new password", jid=DOMAIN)
    again = await Client("romeo", "street", password="a new password").log_in()
    await again.log_out()
    await romeo["xep_0077"].change_password(PASSWORD, jid=DOMAIN)
    await romeo.log_out()


async def leaving():
    juliet = await Client("juliet", "balcony").log_in()
    await juliet["xep_0077"].cancel_registration(jid=DOMAIN)
    await asyncio.wait_for(juliet.disconnected, PATIENCE)
    try:
        await Client("juliet", mechanism=MECHANISMS[0]).log_in()
    except AssertionError:
        return
    raise AssertionError("logged in")


CHECKS = [
    ("registration", registration),
    ("login as it comes over STARTTLS", login(None, False)),
    ("login as it comes over direct TLS", login(None, True)),
    *((f"login with {mechanism} over {'direct TLS' if tls else 'STARTTLS'}", login(mechanism, tls))
      for mechanism in MECHANISMS for tls in (False, True)),
    ("wrong password", wrong_password),
    ("roster", roster),
    ("subscription both ways", subscription),
    ("chat", chat),
    ("carbons", carbons),
    ("archive", archive),
    ("client state", client_state),
    ("chat to who is offline", offline),
    ("disco, ping, version, time, last activity", services),
    ("vCard", vcard),
    ("avatar", avatar),
    ("commands", commands),
    ("private storage", private_storage),
    ("blocking", blocking),
    ("unknown requests", unknown_request),
    ("password change", password_change),
    ("leaving", leaving),
]


async def main():
    failed = 0
    for name, check in CHECKS:
        try:
            await asyncio.wait_for(check(), 30)
            print(f"ok {name}", flush=True)
        except Exception as error:  # Whatever goes wrong is the outcome of the check.
            failed += 1
            print(f"not ok {name}: {type(error).__name__} {str(error)[:500]!r}", flush=True)
            for client in CLIENTS:
                client.abort()
        CLIENTS.clear()
    return 1 if failed else 0


if __name__ == "__main__":
    logging.basicConfig(level=logging.CRITICAL)
    sys.exit(asyncio.get_event_loop().run_until_complete(main()))
