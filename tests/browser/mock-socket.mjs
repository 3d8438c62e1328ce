// The server's side of a WebSocket, as far as the mock needs it: whole text frames below 64 KiB, and close.

const TEXT = 1;
const CLOSE = 8;

/** Reads frames from an upgraded socket; returns a function that sends JSON, with `close(code)` on it. */
export function accept(socket, onText) {
  let rest = Buffer.alloc(0);
  socket.on("error", () => socket.destroy());
  socket.on("data", (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    for (let frame = take(rest); frame; frame = take(rest)) {
      rest = rest.subarray(frame.size);
      if (frame.opcode === TEXT) onText(frame.payload.toString("utf8"));
      if (frame.opcode === CLOSE) socket.end(encode(CLOSE, frame.payload));
    }
  });
  const send = (event) => socket.writable && socket.write(encode(TEXT, Buffer.from(JSON.stringify(event))));
  send.close = (code) => {
    const payload = Buffer.alloc(2);
    payload.writeUInt16BE(code);
    socket.end(encode(CLOSE, payload));
  };
  return send;
}

function take(bytes) {
  if (bytes.length < 6) return null;
  const short = bytes[1] & 127;
  const header = short === 126 ? 4 : 2;
  if (short === 127) throw new Error("the mock reads no frames of 64 KiB or more");
  if (bytes.length < header + 4) return null;
  const length = short === 126 ? bytes.readUInt16BE(2) : short;
  const size = header + 4 + length;
  if (bytes.length < size) return null;
  const mask = bytes.subarray(header, header + 4);
  const payload = Buffer.from(bytes.subarray(header + 4, size).map((byte, index) => byte ^ mask[index % 4]));
  return { opcode: bytes[0] & 15, payload, size };
}

function encode(opcode, payload) {
  const long = payload.length > 125;
  const header = Buffer.alloc(long ? 4 : 2);
  header[0] = 128 | opcode;
  header[1] = long ? 126 : payload.length;
  if (long) header.writeUInt16BE(payload.length, 2);
  return Buffer.concat([header, payload]);
}
