// ways.mjs - the ways from a client to the server on which it is cut (cutter.mjs): directly, and through the
// proxies of examples/, where the cuts are in front of the proxy, or between it and the server.
import { Cutter } from './cutter.mjs';
import { startExample } from './proxies.mjs';

/** `part`: how much of the cuts each has, of 10. */
export const ways = [
  { name: 'direct', part: 4 },
  { name: 'through nginx, cut in front of it', part: 2, proxy: 'nginx' },
  { name: 'through nginx, cut behind it', part: 1, proxy: 'nginx', behind: true },
  { name: 'through HAProxy, cut in front of it', part: 2, proxy: 'haproxy' },
  { name: 'through HAProxy, cut behind it', part: 1, proxy: 'haproxy', behind: true },
];

/** Builds one, to the server at `to`: {port, cutter}, `port` being where clients connect. */
export async function build(t, { proxy, behind }, to, random, options) {
  const after = (one) => (t.after(() => one.stop()), one);
  const front = async (port) => after(await startExample(proxy, port)).port;
  const cutter = after(await Cutter.start(proxy && !behind ? await front(to) : to, random, options));
  return { cutter, port: proxy && behind ? await front(cutter.port) : cutter.port };
}
