// serve.mjs - a web page on a port of its own, as a developer's own server would have it.
import http from 'node:http';
import { once } from 'node:events';

/** Serves one page from another port of this machine; resolves to its URL. */
export async function serve(t, html) {
  const web = http.createServer((request, response) => {
    response.writeHead(request.url === '/' ? 200 : 204, { 'Content-Type': 'text/html; charset=utf-8' });
    response.end(request.url === '/' ? html : '');
  });
  web.listen(0, '127.0.0.1');
  await once(web, 'listening');
  t.after(() => {
    web.closeAllConnections();
    web.close();
  });
  return `http://localhost:${web.address().port}/`;
}
