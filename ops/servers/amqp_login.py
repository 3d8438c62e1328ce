"""Logs in to an AMQP 0-9-1 server and says by its exit code whether that worked: HOST PORT USER PASSWORD."""

import socket
import struct
import sys

METHOD, CONNECTION, START_OK, TUNE = 1, 10, 11, 30


def long_string(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


def start_ok(user: str, password: str) -> bytes:
    answer = f"\0{user}\0{password}".encode()
    body = struct.pack(">HH", CONNECTION, START_OK) + long_string(b"") + b"\5PLAIN" + long_string(answer) + b"\5en_US"
    return struct.pack(">BHI", METHOD, 0, len(body)) + body + b"\xce"


def read_exactly(stream: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        part = stream.recv(count - len(data))
        if not part:
            raise ConnectionError("closed by the server")
        data += part
    return data


def read_method(stream: socket.socket) -> tuple[int, int]:
    _, _, size = struct.unpack(">BHI", read_exactly(stream, 7))
    return struct.unpack(">HH", read_exactly(stream, size + 1)[:4])


def main(host: str, port: str, user: str, password: str) -> None:
    with socket.create_connection((host, int(port)), timeout=3) as stream:
        stream.sendall(b"AMQP\0\0\x09\x01")
        read_method(stream)
        stream.sendall(start_ok(user, password))
        if read_method(stream) != (CONNECTION, TUNE):
            sys.exit(f"{host}:{port} refused the login of {user}")


try:
    main(*sys.argv[1:])
except OSError as error:
    sys.exit(f"no AMQP server at {sys.argv[1]}:{sys.argv[2]}: {error}")
