// http.mjs - reads HTTP/1.1 responses off a Wire, strictly, and says what a test wants to know of them.
import assert from 'node:assert/strict';

/** Parses one response at the start of `data`: null when it is not complete, else it with `length`, the
 * bytes it took. `method` is that of the request: an answer to HEAD has no body. `ended` says that the
 * stream is over, which ends a body without a length. */
export function parseResponse(data, { method = 'GET', ended = false } = {}) {
  const headEnd = data.indexOf('\r\n\r\n');
  if (headEnd < 0) return null;
  const lines = data.subarray(0, headEnd).toString('latin1').split('\r\n');
  const first = /^HTTP\/1\.1 ([1-5][0-9][0-9]) ([\x20-\x7e]*)$/.exec(lines[0]);
  assert(first, `not a status line: ${JSON.stringify(lines[0])}`);
  const headers = {};
  for (const line of lines.slice(1)) {
    const field = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*?)[ \t]*$/.exec(line);
    assert(field, `not a header line: ${JSON.stringify(line)}`);
    const name = field[1].toLowerCase();
    assert(!(name === 'content-length' && name in headers), 'two lengths');
    headers[name] = name in headers ? `${headers[name]}, ${field[2]}` : field[2];
  }
  const status = Number(first[1]);
  const response = { status, reason: first[2], headers, body: Buffer.alloc(0), length: headEnd + 4 };
  const rest = data.subarray(headEnd + 4);
  if (method === 'HEAD' || status < 200 || status === 204 || status === 304) return response;
  if ('content-length' in headers) {
    assert.match(headers['content-length'], /^[0-9]+$/);
    const length = Number(headers['content-length']);
    if (rest.length < length) return null;
    response.body = rest.subarray(0, length);
    response.length += length;
    return response;
  }
  assert(!('transfer-encoding' in headers), 'this front door has no reason to answer in chunks');
  if (!ended) return null;
  response.body = rest;
  response.length += rest.length;
  return response;
}

/** Waits for the next response and takes its bytes. */
export async function nextResponse(wire, { method = 'GET', ms = 5000 } = {}) {
  const response = await wire.until(() => parseResponse(wire.data, { method, ended: wire.ended }), ms);
  if (!response) {
    const state = wire.error ? `reset (${wire.error.code})` : wire.ended ? 'end of stream' : 'silence';
    throw new Error(`no response but ${state} after ${JSON.stringify(wire.data.toString('latin1').slice(0, 300))}`);
  }
  wire.data = wire.data.subarray(response.length);
  return response;
}

/** Asserts the whole form of an error: status, RFC 9457 body, and the headers of dynamic answers. */
export function assertProblem(response, status, { method = 'GET' } = {}) {
  const text = response.body.toString('utf8');
  assert.equal(response.status, status, `status ${response.status} and not ${status}: ${text}`);
  assert.equal(response.headers['content-type'], 'application/problem+json');
  assert.equal(response.headers['x-content-type-options'], 'nosniff');
  assert.match(response.headers['cache-control'] ?? '', /no-store/);
  if (method === 'HEAD') return null;
  const problem = JSON.parse(text);
  assert.equal(problem.status, status);
  assert.equal(typeof problem.title, 'string');
  assert.match(problem.type, /^[a-z]+:[!-~]+$/, 'type is a URI');
  return problem;
}

/** A request with its Host; `headers` is an object or an array of lines; `body` adds its length. */
export function request(method, target, { host = 'localhost', headers = [], body } = {}) {
  const lines = Array.isArray(headers)
    ? headers
    : Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  const head = [`${method} ${target} HTTP/1.1`];
  if (host !== null) head.push(`Host: ${host}`);
  head.push(...lines);
  const payload = body === undefined ? Buffer.alloc(0) : Buffer.from(body);
  if (body !== undefined) head.push(`Content-Length: ${payload.length}`);
  return Buffer.concat([Buffer.from(head.join('\r\n') + '\r\n\r\n', 'latin1'), payload]);
}
