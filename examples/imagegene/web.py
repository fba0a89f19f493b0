"""ImageGene's web page: a person signs in with Unified, orders a picture and pays with their own credits.

The page acts with the person's access token alone; it needs no app key."""

from __future__ import annotations

import argparse
import os
import secrets
import sys
from collections import OrderedDict
from dataclasses import dataclass
from html import escape
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

sys.path.extend(str(Path(__file__).resolve().parents[2] / place) for place in ("examples", "clients/python"))

from unified_client import AuthenticationFailed, Client, UnifiedError

from imagegene.painter import STYLES, paint
from imagegene.signing_in import Attempt, Person, SignInFailed, UnifiedSignIn

COOKIE = "imagegene"
MAX_SESSIONS = 10_000
MAX_FORM_BYTES = 10_000
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>ImageGene</title><h1>ImageGene</h1>{}</html>"""
SIGN_IN = '<p>{}</p><p><a id="sign-in" href="/sign-in">Sign in with Unified</a></p>'
ORDER = """<p>Hello <b id="name">{name}</b>, you have <b id="credits">{credits}</b> credits.</p><p id="said">{said}</p>
<form method="post" action="/paint"><label>A picture of <input name="prompt" required maxlength="200"></label>
<select name="style" aria-label="Style">{styles}</select> <button>Paint it</button></form>
<form method="post" action="/sign-out"><button>Sign out</button></form>"""


@dataclass
class Session:
    """What the app knows of one browser."""

    attempt: Attempt | None = None
    person: Person | None = None


class App(ThreadingHTTPServer):
    """The app: its registration at Unified and its sessions, the oldest of which are forgotten."""

    daemon_threads = True

    def __init__(self, port: int, unified: UnifiedSignIn, origin: str) -> None:
        super().__init__(("127.0.0.1", port), Window)
        self.unified, self.origin = unified, origin
        self._sessions: OrderedDict[str, Session] = OrderedDict()

    def session(self, name: str) -> Session | None:
        return self._sessions.get(name)

    def open_session(self, session: Session) -> str:
        """Keep a session under a new name: one that was known before somebody signed in must not become theirs."""
        name = secrets.token_urlsafe(32)
        self._sessions[name] = session
        while len(self._sessions) > MAX_SESSIONS:
            self._sessions.popitem(last=False)
        return name

    def forget(self, name: str) -> None:
        self._sessions.pop(name, None)

    def client(self, person: Person) -> Client:
        return Client(self.unified.issuer, person.access_token)


class Window(BaseHTTPRequestHandler):
    """One request of one browser."""

    server: App

    def do_GET(self) -> None:
        path, query = urlsplit(self.path).path, dict(parse_qsl(urlsplit(self.path).query))
        if path == "/":
            self._home("")
        elif path == "/sign-in":
            session = Session(attempt=Attempt())
            assert session.attempt is not None
            self._go(self.server.unified.address(session.attempt), self.server.open_session(session))
        elif path == "/callback":
            self._come_back(query)
        else:
            self._say("Nothing is here.", 404)

    def do_POST(self) -> None:
        # Another site's form would come with its own origin.
        if self.headers.get("Origin") not in (None, self.server.origin):
            return self._say("Not from here.", 403)
        length = min(int(self.headers.get("Content-Length") or 0), MAX_FORM_BYTES)
        form = dict(parse_qsl(self.rfile.read(length).decode("utf-8", "replace")))
        if self.path == "/paint":
            return self._paint(form)
        if self.path == "/sign-out":
            return self._sign_out()
        return self._say("Nothing is here.", 404)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        # Without the query: a code in it is a secret for a minute.
        self.log_message("%s %s %s", self.command, urlsplit(self.path).path, code)

    def _come_back(self, query: dict[str, str]) -> None:
        name, session = self._session()
        self.server.forget(name)
        if session is None or session.attempt is None:
            return self._say(SIGN_IN.format("That took too long, or happened twice."), 400)
        try:
            person = self.server.unified.welcome(session.attempt, query)
        except SignInFailed as fault:
            self.log_message("sign-in failed: %s", fault)
            return self._say(SIGN_IN.format("You are not signed in."), 400)
        return self._go("/", self.server.open_session(Session(person=person)))

    def _home(self, said: str) -> None:
        person = self._person()
        if person is None:
            return self._say(SIGN_IN.format("Paint with your Unified credits."))
        try:
            credits = self._as(person).user_info(person.user_id)["credits"]
        except (UnifiedError, SignInFailed) as refusal:
            self.log_message("refused: %s", refusal)
            self.server.forget(self._session()[0])
            return self._say(SIGN_IN.format("Unified does not let ImageGene in any more."))
        styles = "".join(f"<option>{escape(style)}" for style in STYLES)
        page = ORDER.format(name=escape(person.name), credits=credits, said=said, styles=styles)
        return self._say(page)

    def _paint(self, form: dict[str, str]) -> None:
        person, prompt, style = self._person(), form.get("prompt", "").strip()[:200], form.get("style", "")
        if person is None or not prompt or style not in STYLES:
            return self._home("Nothing was painted.")
        try:
            client = self._as(person)
            if not client.estimate(person.user_id, "image_generation", 1)["affordable"]:
                return self._home("There are not enough credits. Nothing was painted.")
            picture = paint(prompt, style)
            saved = client.save_project(
                person.user_id,
                app_source="imagegene",
                project_type="ai_art",
                title=prompt[:80],
                content=picture.png(),
                metadata=dict(picture.metadata),
                fit=True,
                charge={"operation": "image_generation", "quantity": 1, "description": f"Image: {prompt[:60]}"},
            )
        except (UnifiedError, SignInFailed) as refusal:
            return self._home(f"Not done, nothing paid: {escape(str(refusal))}")
        return self._home(f"“{escape(prompt)}” is in your workspace as <b id='code'>{saved['project_code']}</b>.")

    def _as(self, person: Person) -> Client:
        """A client that acts for the person, with new tokens when the old ones are over."""
        try:
            self.server.client(person).user_info(person.user_id)
        except AuthenticationFailed:
            self.server.unified.refresh(person)
        return self.server.client(person)

    def _sign_out(self) -> None:
        person = self._person()
        self.server.forget(self._session()[0])
        if person is not None:
            self.server.unified.sign_out(person)
        self._go("/", "")

    def _session(self) -> tuple[str, Session | None]:
        morsel = SimpleCookie(self.headers.get("Cookie", "")).get(COOKIE)
        name = morsel.value if morsel else ""
        return name, self.server.session(name)

    def _person(self) -> Person | None:
        session = self._session()[1]
        return session.person if session else None

    def _go(self, where: str, session: str) -> None:
        self.send_response(303)
        self.send_header("Location", where)
        # Lax: the cookie comes along when Unified sends the browser back, and with no other site's forms.
        self.send_header("Set-Cookie", f"{COOKIE}={session}; HttpOnly; SameSite=Lax; Path=/")
        self.end_headers()

    def _say(self, body: str, status: int = 200) -> None:
        page = PAGE.format(body).encode()
        self.send_response(status)
        for name, value in {
            "Content-Type": "text/html; charset=utf-8",
            "Content-Length": str(len(page)),
            "Content-Security-Policy": "default-src 'none'; form-action 'self'; frame-ancestors 'none'",
            "Referrer-Policy": "same-origin",
            "Cache-Control": "no-store",
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(page)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="imagegene-web", description="ImageGene's web page, on this machine.")
    parser.add_argument("--issuer", default=os.environ.get("UNIFIED_URL", "http://127.0.0.1:8000"))
    parser.add_argument("--secret", default=os.environ.get("UNIFIED_CLIENT_SECRET"), help="or UNIFIED_CLIENT_SECRET")
    parser.add_argument("--port", type=int, default=8100)
    options = parser.parse_args(arguments)
    if not options.secret:
        parser.error("--secret (or UNIFIED_CLIENT_SECRET) is needed")
    origin = f"http://127.0.0.1:{options.port}"
    try:
        unified = UnifiedSignIn(options.issuer, "imagegene", options.secret, f"{origin}/callback")
    except SignInFailed as fault:
        print(fault, file=sys.stderr)
        return 1
    app = App(options.port, unified, origin)
    print(f"ImageGene is at {origin}", flush=True)
    try:
        app.serve_forever()
    except KeyboardInterrupt:
        app.server_close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
