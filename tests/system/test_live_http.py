"""HTTP as plain text: who asked for what and what was answered, on both sides of a connection, by whatever call; and that
nobody is looked at when nobody asked for that."""
import http.client
import http.server
import json
import os
import socket
import threading

import pytest

import driver
import kernel
from driver import field, wait_until

pytestmark = pytest.mark.live


def only(*categories):
    return {"name": "only", "domain": "recorder", "streams": [
        {"type": "database", "event_filters": [{"terms": [category]} for category in categories]}]}


HTTP = only("http")


@pytest.fixture
def source():
    return "ebpf"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        found = self.path.startswith("/found")
        self.send_response(200 if found else 404)
        self.send_header("Set-Cookie", "secret=of-the-server")
        self.send_header("Content-Length", "4")
        self.end_headers()
        self.wfile.write(b"body")

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def log_message(self, *unused):
        pass


class Server(http.server.ThreadingHTTPServer):
    def __init__(self, family, ip):
        self.address_family = family
        super().__init__((ip, 0), Handler)

    def __enter__(self):
        self.thread = threading.Thread(target=self.serve_forever)
        self.thread.start()
        return self

    def __exit__(self, *unused):
        self.shutdown()
        self.thread.join()
        self.server_close()


def headers_of(row):
    return json.loads(row["http_headers"] or "[]")


def rows_here(recorder, where="1"):
    return recorder.query(f"SELECT * FROM http_events WHERE process_pid = ? AND {where} ORDER BY sequence", os.getpid())


def said(row):
    """What was said, and who said it to whom."""
    return (row["network_direction"], row["http_method"], row["http_url"], row["http_response_status_code"], row["source_port"],
            row["destination_port"])


def ask(connection, method, path, **options):
    connection.request(method, path, **options)
    answer = connection.getresponse()
    return answer.status, answer.read()


@pytest.mark.parametrize("family, ip", [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")], ids=["ipv4", "ipv6"])
def test_both_sides(new_recorder, family, ip):
    """Each request and each response, as it was sent and as it was received; connections that are kept are one."""
    with Server(family, ip) as server:
        recorder = new_recorder(subscription=HTTP).start()
        port = server.server_address[1]
        client = http.client.HTTPConnection(ip, port)
        client.connect()
        mine, inode = client.sock.getsockname()[1], os.fstat(client.sock.fileno()).st_ino
        credentials = {"Cookie": "secret=of-the-client", "Authorization": "Basic c2VjcmV0"}
        assert ask(client, "GET", "/found?a=b", headers=credentials) == (200, b"body")
        assert ask(client, "GET", "/lost") == (404, b"body")
        assert ask(client, "POST", "/found", body=b"secret=in-the-body&" + b"x" * 5000) == (200, b"body")
        client.close()
        recorder.stop()

    rows = rows_here(recorder)
    host = f"http://[{ip}]:{port}" if family == socket.AF_INET6 else f"http://{ip}:{port}"
    for direction in "egress", "ingress":
        assert [said(row) for row in rows if row["network_direction"] == direction] == [
            said_of for method, url, status in (("GET", "/found?a=b", 200), ("GET", "/lost", 404), ("POST", "/found", 200))
            for said_of in ((direction, method, host + url, None, mine, port), (direction, None, None, status, port, mine))]
    for row in rows:
        assert (row["source_ip"], row["destination_ip"]) == (ip, ip)
        assert row["network_transport"] == "tcp" and row["network_type"] == ("ipv6" if family == socket.AF_INET6 else "ipv4")
        assert row["http_version"] == "1.1" and row["recorder_source"] == "ebpf" and row["recorder_truncated"] is None
        assert field(row, "process.executable") == os.fsencode(os.path.realpath("/proc/self/exe"))
    # Both ends are of one process: their sockets tell them apart.
    client_rows = [row for row in rows if (row["source_port"] == mine) == (row["network_direction"] == "egress")]
    assert len(client_rows) == 6 and {row["http_connection_id"] for row in client_rows} == {inode}
    assert len({row["http_connection_id"] for row in rows}) == 2
    first = headers_of(rows[0])
    assert "Cookie: (not kept)" in first and "Authorization: (not kept)" in first and "Accept-Encoding: identity" in first
    assert all("Set-Cookie: (not kept)" in headers_of(row) for row in rows if row["http_response_status_code"])
    assert b"secret=" not in (recorder.database.read_bytes() if recorder.database.exists() else b"")
    text = recorder.cli("query", "http").text
    assert f"GET {host}/found?a=b" in text and "http headers" in text and "status 404" in text, text
    assert recorder.cli("query", "--count", "http.status_code is '404'").text == "2\n"
    posts = recorder.cli("query", "--count", "--type", "http", f"network.port is '{port}'", "http.method is 'POST'")
    assert posts.text == "1\n"
    assert recorder.query("SELECT subject, detail FROM events WHERE category = 'http' ORDER BY sequence LIMIT 1") == [
        {"subject": f"{host}/found?a=b", "detail": "GET"}]


REQUEST = b"GET /%s HTTP/1.1\r\nHost: x.example\r\nA: b\r\n\r\n"


def pieces(data, *sizes):
    parts = []
    for size in sizes:
        parts.append(data[:size])
        data = data[size:]
    return parts + [data]


SENDS = {
    "write": lambda end, data: os.write(end.fileno(), data),
    "writev": lambda end, data: os.writev(end.fileno(), [data]),
    "writev-pieces": lambda end, data: os.writev(end.fileno(), pieces(data, 0, 2, 1, 1, 10)),
    "sendto": lambda end, data: end.send(data),
    "sendmsg": lambda end, data: end.sendmsg([data]),
    "sendmsg-pieces": lambda end, data: end.sendmsg(pieces(data, 4, 4, 8)),
}


def receive_message(end, into):
    return end.recvmsg_into([memoryview(into)[:3], memoryview(into)[3:]])[0]


RECEIVES = {
    "read": lambda end, into: len(os.read(end.fileno(), len(into))),
    "readv": lambda end, into: os.readv(end.fileno(), [memoryview(into)[:5], memoryview(into)[5:]]),
    "recvfrom": lambda end, into: end.recv_into(into),
    "recvmsg": receive_message,
    "peek": lambda end, into: end.recv_into(into, 0, socket.MSG_PEEK) and end.recv_into(into),
}


class Pair:
    """A connection by TCP with both ends here."""

    def __init__(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.near = socket.create_connection(listener.getsockname())
            self.far = listener.accept()[0]

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.near.close()
        self.far.close()

    def move(self, data, send="sendto", receive="recvfrom"):
        SENDS[send](self.near, data)
        taken = RECEIVES[receive](self.far, bytearray(65536))
        while taken < len(data):
            taken += len(self.far.recv(len(data) - taken))


def test_every_call(new_recorder):
    recorder = new_recorder(subscription=HTTP).start()
    ways = [(send, "recvfrom") for send in SENDS] + [("sendto", receive) for receive in RECEIVES]
    with Pair() as pair:
        for number, (send, receive) in enumerate(ways):
            pair.move(REQUEST % str(number).encode(), send, receive)
        # Many at once, of which the first is seen; a response that begins a long answer.
        pair.move(b"".join(REQUEST % b"pipelined" for _ in range(3)))
        pair.move(b"HTTP/1.1 206 Partial Content\nServer: y\n\n" + b"z" * 20000)
    recorder.stop()
    rows = rows_here(recorder)
    for direction in "egress", "ingress":
        of = [row for row in rows if row["network_direction"] == direction]
        assert [row["http_url"] for row in of] == [f"http://x.example/{number}" for number in range(len(ways))] + \
            ["http://x.example/pipelined", None]
        assert all(headers_of(row) == ["Host: x.example", "A: b"] for row in of[:-1])
        assert (of[-1]["http_response_status_code"], headers_of(of[-1])) == (206, ["Server: y"])
    assert {row["recorder_truncated"] for row in rows} == {None}


def test_hostile(new_recorder):
    """Headers that do not end, a URL that does not, bytes that are no text."""
    recorder = new_recorder(subscription=HTTP).start()
    with Pair() as pair:
        pair.move(b"GET /" + b"a" * 5000)
        pair.move(b"GET /b HTTP/1.1\r\nHost: x\r\nC: " + b"c" * 5000)
        pair.move(b"GET /\xff\x1b[2J HTTP/1.1\r\nHost: x\r\nD: e\0f\r\n\r\n")
        pair.move(b"GET /g HTTP/1.1\r\nHost: x\r\n")
    recorder.stop()
    rows = rows_here(recorder, "network_direction = 'egress'")
    assert [field(row, "http.url") for row in rows] == [
        b"/" + b"a" * (2048 - len("GET /")), b"http://x/b", b"http://x/\xff\x1b[2J", b"http://x/g"]
    assert [json.loads(row["recorder_truncated"]) for row in rows] == [
        ["http.url", "http.headers"], ["http.headers"], ["http.headers"], ["http.headers"]]
    assert headers_of(rows[2]) == ["Host: x", "D: e"]


def test_what_is_not_http(new_recorder, tmp_path):
    """Other protocols, the middle of a message, what does not go by TCP: none of it is an event."""
    request = REQUEST % b"x"
    recorder = new_recorder(subscription=HTTP).start()
    with Pair() as pair:
        for data in (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"t" * 500, b"SSH-2.0-OpenSSH_9.2\r\n",
                     b"GET key\r\nmore of it\r\n", b"OPTIONS rtsp://x/ RTSP/1.0\r\n\r\n", b"HTTP/2 is not this one\r\n",
                     b" " + request, request[1:], b"get" + request[3:], b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"x" * 60000):
            pair.move(data)
        # A line in two pieces is not seen.
        pair.move(request[:6])
        pair.move(request[6:])
    near, far = socket.socketpair()
    near.send(request)
    far.recv(1000)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        datagrams.bind(("127.0.0.1", 0))
        datagrams.sendto(request, datagrams.getsockname())
        datagrams.recv(1000)
    ends = os.pipe()
    os.write(ends[1], request)
    os.read(ends[0], 1000)
    (tmp_path / "file").write_bytes(request)
    for end in *ends, near.detach(), far.detach():
        os.close(end)
    status = recorder.status()
    recorder.stop()
    assert rows_here(recorder) == []
    assert status["capability.http"] == status["event_source.http"] == "ebpf"
    # What only begins like it was handed over, and left then.
    assert status["ebpf.made.http"] >= 4


def test_beside_others(new_recorder):
    """What a call does besides is told as ever: it asks a name server, or makes the connection that it goes by."""
    recorder = new_recorder(subscription=only("http", "dns", "network")).start()
    query = bytes.fromhex("123401000001000000000000") + b"\x07example\x00\x00\x01\x00\x01"
    with driver.NameServer({}), socket.create_connection(("127.0.0.1", 53)) as asker:
        asker.sendall(len(query).to_bytes(2, "big") + query)
        asker.recv(1000)
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as near:
        near.sendto(REQUEST % b"at-once", socket.MSG_FASTOPEN, listener.getsockname())
        with listener.accept()[0] as far:
            far.recv(1000)
        port = listener.getsockname()[1]
    recorder.stop()
    asked = recorder.query("SELECT dns_question_name FROM dns_events WHERE process_pid = ? AND action = 'query' AND "
                           "network_direction = 'egress'", os.getpid())
    assert asked == [{"dns_question_name": "example"}]
    connects = recorder.query("SELECT action FROM network_events WHERE process_pid = ? AND action = 'connect' AND "
                              "destination_port = ?", os.getpid(), port)
    assert len(connects) == 1
    assert [(row["http_url"], row["network_direction"]) for row in rows_here(recorder)] == [
        ("http://x.example/at-once", "egress"), ("http://x.example/at-once", "ingress")]


def test_only_when_wanted(new_recorder):
    """Its program is in the kernel, and anything is looked at, while somebody subscribes to it."""
    recorder = new_recorder(subscription=only("network", "dns", "file")).start()

    def move(path):
        with Pair() as pair:
            pair.move(REQUEST % path)

    move(b"before")
    wait_until(lambda: not {"act_look", "act_http"} & kernel.programs(), "those of the recorder of the test before are gone")
    assert (recorder.status()["event_source.http"], recorder.status()["ebpf.made.http"]) == ("not subscribed", 0)
    answer = recorder.request(command="recorder.register-subscription", document=json.dumps({**HTTP, "name": "http"}))
    assert answer["ok"], answer
    assert {"act_look", "act_http"} <= kernel.programs()
    move(b"while")
    wait_until(lambda: recorder.status()["ebpf.made.http"] >= 2, "both sides were seen")
    assert recorder.request(command="recorder.unregister-subscription", name="http")["ok"]
    made = recorder.status()["ebpf.made.http"]
    move(b"after")
    assert recorder.status()["ebpf.made.http"] == made
    recorder.stop()
    assert [row["http_url"] for row in rows_here(recorder)] == ["http://x.example/while"] * 2


def test_capture(new_recorder, tmp_path):
    """The import of a capture has the same rows."""
    capture = tmp_path / "capture.rec"
    recorder = new_recorder(subscription=HTTP, arguments=["--capture", capture]).start()
    with Pair() as pair:
        pair.move(REQUEST % b"captured")
        pair.move(b"HTTP/1.1 500 x\r\nSet-Cookie: a\r\n\r\n")
    recorder.stop()
    driver.cli("import", "audit", capture, "--db", tmp_path / "imported.db")
    names = "time_ns, event_id, http_method, http_url, http_response_status_code, http_headers, http_connection_id, source_ip, " \
            "source_port, network_direction, process_entity_id"
    live = recorder.query(f"SELECT {names} FROM http_events ORDER BY event_id")
    assert len(live) >= 4
    assert driver.query(tmp_path / "imported.db", f"SELECT {names} FROM http_events ORDER BY event_id") == live


@pytest.mark.parametrize("source", ["audit"])
def test_not_by_audit(new_recorder, source):
    recorder = new_recorder(subscription=only("http", "network")).start()
    with Pair() as pair:
        pair.move(REQUEST % b"x")
    status = recorder.status()
    answer = recorder.request(command="recorder.register-subscription", document=json.dumps({**HTTP, "name": "http"}))
    recorder.stop()
    assert (status["capability.http"], status["event_source.http"]) == ("none", "none")
    assert answer["result"]["warnings"] == ["http events are not seen here: they need eBPF"], answer
    assert rows_here(recorder) == []
