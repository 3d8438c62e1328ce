// Passes requests on with the token in ASKLINE_TOKEN, for a client that sends none: with-token.mjs PORT URL
import http from "node:http";

const [port, url] = process.argv.slice(2);
const { hostname, port: target } = new URL(url);
const token = process.env.ASKLINE_TOKEN;

const server = http.createServer((request, response) => {
  const headers = { ...request.headers, authorization: `Bearer ${token}` };
  const passed = http.request(
    { hostname, port: target, path: request.url, method: request.method, headers },
    (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
    },
  );
  passed.on("error", (error) => response.writeHead(502).end(String(error)));
  response.on("close", () => passed.destroy());
  request.pipe(passed);
});
server.listen(Number(port), "127.0.0.1");
