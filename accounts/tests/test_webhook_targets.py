"""Webhooks go to machines on the internet only: to the one that was looked up, and that its certificate names."""

import datetime
import socket
import ssl
from ipaddress import ip_address
from threading import Event as Signal

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from accounts import webhooks
from accounts.errors import InvalidField
from accounts.models import WebhookDelivery, WebhookEndpoint
from accounts.tests.receiver import happened, listening, told
from accounts.webhooks import sending, targets

PUBLIC = "93.184.216.34"

NO_URL = [
    "http://hooks.example.com/",
    "ftp://hooks.example.com/",
    "https:hooks.example.com",
    "https://",
    "https:///path",
    "hooks.example.com",
    "//hooks.example.com/",
    "javascript:alert(1)",
    "file:///etc/passwd",
    "gopher://127.0.0.1:6379/_FLUSHALL",
    "https://user:secret@hooks.example.com/",
    "https://hooks.example.com@127.0.0.1/",
    "https://hooks.example.com\\@127.0.0.1/",
    "https://hooks.example.com#@127.0.0.1/",
    "https://hooks.example.com/#part",
    "https://hooks.example.com/ path",
    "https://hooks.example.com/\r\nX-Header: 1",
    "https://hooks.example.com\t.evil.example/",
    "https://höoks.example.com/",
    "https://hooks。example.com/",
    "https://hooks.example.com:99999/",
    "https://hooks.example.com:port/",
    "https://hooks.example.com:0/",
    "https://[::1",
    "https://hooks..example.com/",
    "https://-hooks.example.com/",
    "https://hooks%2eexample.com/",
    "https://*.example.com/",
    "https://intranet/",
    "https://metadata/",
    "https://localhost/",
    "https://hooks.example.com./",
    # IPv4 in other clothes, which resolvers understand.
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0x7f.0.0.1/",
    "https://0177.0.0.1/",
    "https://127.1/",
    "https://127.0.0.1./",
    "https://256.1.1.1/",
    "https://١٢٧.0.0.1/",
    "https://" + "a" * 500 + ".example.com/",
]

NO_ADDRESS = [
    "0.0.0.0",  # noqa: S104 - to be refused
    "10.0.0.1",
    "100.64.0.1",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.8",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::93.184.216.34",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:93.184.216.34",
    "::ffff:0:127.0.0.1",
    "64:ff9b::127.0.0.1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:10::1",
    "2001:db8::1",
    "2002:7f00:1::1",
    "2002:a9fe:a9fe::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
    "not an address",
]


@pytest.fixture
def names(monkeypatch):
    """What each name leads to, look by look, instead of the network's resolver; and who was asked for."""
    known, asked = {}, []

    def getaddrinfo(host, port, **_):
        asked.append(host)
        answers = known.get(host) or ([[host]] if host.replace(".", "").isdigit() or ":" in host else None)
        if answers is None:
            raise socket.gaierror(socket.EAI_NONAME, "not known")
        found = answers.pop(0) if len(answers) > 1 else answers[0]
        families = [socket.AF_INET6 if ":" in address else socket.AF_INET for address in found]
        return [
            (family, socket.SOCK_STREAM, 6, "", (address, port))
            for family, address in zip(families, found, strict=True)
        ]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    known["asked"] = asked
    return known


@pytest.mark.parametrize("url", NO_URL)
def test_what_is_not_plainly_a_public_https_address_is_refused(names, url):
    names["hooks.example.com"] = [[PUBLIC]]
    with pytest.raises(InvalidField):
        targets.check(url)


@pytest.mark.parametrize("address", NO_ADDRESS)
def test_an_address_that_is_nobodys_or_private_is_refused(names, address):
    assert not targets.may_be_called(address)
    names["hooks.example.com"] = [[address]]
    with pytest.raises(InvalidField):
        targets.check("https://hooks.example.com/")
    host = f"[{address}]" if ":" in address else address
    with pytest.raises(InvalidField):
        targets.check(f"https://{host}/")


@pytest.mark.parametrize("address", [PUBLIC, "8.8.8.8", "2606:2800:220:1:248:1893:25c8:1946", "2a00:1450::1"])
def test_a_public_address_is_fine(names, address):
    names["hooks.example.com"] = [[address]]
    targets.check("https://hooks.example.com:8443/path?token=a%20b")
    targets.check(f"https://[{address}]/" if ":" in address else f"https://{address}/")


def test_one_private_address_among_public_ones_is_enough_to_refuse(names):
    names["hooks.example.com"] = [[PUBLIC, "10.0.0.1"]]
    with pytest.raises(InvalidField):
        targets.check("https://hooks.example.com/")


def test_a_name_that_leads_nowhere_is_refused(names):
    with pytest.raises(InvalidField, match="cannot be resolved"):
        targets.check("https://hooks.example.com/")


def test_a_resolver_that_says_nothing_is_not_waited_for(monkeypatch):
    import time

    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [Signal().wait(1)][:0])
    monkeypatch.setattr(targets.look_up, "__defaults__", (0.1,))
    began = time.monotonic()
    with pytest.raises(InvalidField, match="cannot be resolved"):
        targets.check("https://hooks.example.com/")
    assert time.monotonic() - began < 0.8


@pytest.mark.parametrize("url", ["http://127.0.0.1:9000/", "http://localhost:9000/", "http://[::1]:9000/"])
def test_ones_own_machine_is_fine_where_settings_say_so(names, settings, url):
    names["localhost"] = [["::1", "127.0.0.1"]]
    with pytest.raises(InvalidField):
        targets.check(url)
    settings.DEBUG = True
    targets.check(url)


@pytest.mark.parametrize("address", ["10.0.0.1", "169.254.169.254", "192.168.1.1", "fe80::1", "::ffff:10.0.0.1"])
def test_not_even_then_the_network_around_it(names, own_machine, address):
    names["hooks.example.com"] = [[address]]
    with pytest.raises(InvalidField):
        targets.check("http://hooks.example.com/")


@pytest.mark.django_db
def test_a_name_that_means_a_private_machine_by_now_is_not_asked(names, penora, alice):
    names["hooks.example.com"] = [[PUBLIC], ["127.0.0.1"]]
    with listening() as receiver:
        url = f"https://hooks.example.com:{receiver.port}/"
        webhooks.add_endpoint(app=penora, url=url)
        happened(alice)
        assert told() == {"failed": 1}
        assert receiver.sent == []
    assert WebhookDelivery.objects.get().error == "the host is not on the internet"


@pytest.mark.django_db
@pytest.mark.parametrize("url", ["https://127.0.0.1:1/", "http://hooks.example.com/", "https://2130706433/"])
def test_an_address_that_came_into_the_table_some_other_way_is_not_asked(
    names, receiver, endpoint, alice, settings, url
):
    settings.DEBUG = False
    WebhookEndpoint.objects.update(url=url)
    happened(alice)
    assert told() == {"failed": 1}
    assert receiver.sent == []


def test_the_name_is_looked_up_once_and_that_very_address_connected_to(names, receiver):
    names["hooks.example.com"] = [["127.0.0.1"], ["10.0.0.1"]]
    line = sending.Line(f"http://hooks.example.com:{receiver.port}/hooks")
    for _ in range(2):
        assert line.post(b"{}", {}).accepted
    line.close()
    assert names["asked"] == ["hooks.example.com"]
    assert {sent.headers["host"] for sent in receiver.sent} == {f"hooks.example.com:{receiver.port}"}


def test_the_next_of_several_addresses_is_tried(names, receiver):
    names["hooks.example.com"] = [["::1", "127.0.0.1"]]
    line = sending.Line(f"http://hooks.example.com:{receiver.port}/hooks")
    assert line.post(b"{}", {}).accepted
    line.close()


@pytest.fixture
def certified(tmp_path, monkeypatch):
    """A server's context with a certificate for a name, from an authority that this machine trusts in this test."""

    def make(name: str, trusted: bool = True) -> ssl.SSLContext:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
        now = datetime.datetime.now(datetime.UTC)
        day = datetime.timedelta(days=1)
        names = [x509.DNSName(name), x509.IPAddress(ip_address("192.0.2.1"))]
        made = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(key.public_key())
            .serial_number(1)
            .not_valid_before(now - day)
            .not_valid_after(now + day)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(key, hashes.SHA256())
        )
        pem, secret = tmp_path / "cert.pem", tmp_path / "key.pem"
        pem.write_bytes(made.public_bytes(serialization.Encoding.PEM))
        form = serialization.PrivateFormat.PKCS8
        secret.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
        if trusted:
            monkeypatch.setenv("SSL_CERT_FILE", str(pem))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem, secret)
        context.sni_callback = lambda sock, name, _: setattr(sock, "asked_for", name)
        return context

    return make


def posted(port):
    line = sending.Line(f"https://hooks.example.com:{port}/hooks")
    answer = line.post(b"{}", {})
    line.close()
    return answer


def test_over_tls_the_name_is_asked_for_and_its_certificate_checked(names, own_machine, certified):
    names["hooks.example.com"] = [["127.0.0.1"]]
    with listening(certified("hooks.example.com")) as receiver:
        assert posted(receiver.port).accepted
        (sent,) = receiver.sent
    assert sent.server_name == "hooks.example.com"
    assert sent.headers["host"].startswith("hooks.example.com:")


@pytest.mark.parametrize(("name", "trusted"), [("other.example.com", True), ("hooks.example.com", False)])
def test_anothers_certificate_is_not_taken(names, own_machine, certified, name, trusted):
    names["hooks.example.com"] = [["127.0.0.1"]]
    with listening(certified(name, trusted)) as receiver:
        answer = posted(receiver.port)
        assert receiver.sent == []
    assert answer.error == "the certificate is not valid for this host"


def test_a_handshake_that_never_ends_is_not_waited_for(names, own_machine, monkeypatch):
    monkeypatch.setattr(sending, "SECONDS", 0.3)
    names["hooks.example.com"] = [["127.0.0.1"]]
    with socket.create_server(("127.0.0.1", 0)) as silent:
        answer = posted(silent.getsockname()[1])
    assert answer.error == "no answer in time"
    assert answer.took_ms < 900
