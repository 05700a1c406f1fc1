// proxies.mjs - starts nginx and HAProxy for a test, without root, each in a folder of its own that goes
// with it; and ends them: those processes and no others.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { once } from 'node:events';

const PLACES = ['/usr/sbin', '/usr/local/sbin', '/usr/bin', '/usr/local/bin'];

/** Where a program is, or undefined. The environment may name another: NGINX, HAPROXY. */
export const find = (name) =>
  process.env[name.toUpperCase()] || PLACES.map((place) => path.join(place, name)).find((file) => fs.existsSync(file));

export async function freePorts(count) {
  const listeners = Array.from({ length: count }, () => net.createServer().listen(0, '127.0.0.1'));
  await Promise.all(listeners.map((one) => once(one, 'listening')));
  const ports = listeners.map((one) => one.address().port);
  await Promise.all(listeners.map((one) => new Promise((resolve) => one.close(resolve))));
  return ports;
}

async function accepts(port) {
  const socket = net.connect({ port, host: '127.0.0.1' });
  const heard = await new Promise((resolve) => socket.once('connect', () => resolve(true)).once('error', () => resolve(false)));
  socket.destroy();
  return heard;
}

const running = new Set();
process.on('exit', () => {
  for (const { child, folder } of running) {
    child.kill('SIGKILL');
    fs.rmSync(folder, { recursive: true, force: true });
  }
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1)); // so that they go too

/* Starts one on ports that were free a moment ago; somebody may have been quicker, hence three tries. */
async function start(name, { configuration, count, args }) {
  const binary = find(name);
  assert(binary, `no ${name} here: tools/deps test installs it, and the environment may name one as ${name.toUpperCase()}`);
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), `godwit-${name}-`));
  const log = path.join(folder, 'said.log');
  for (let attempt = 0; attempt < 3; attempt++) {
    const ports = await freePorts(count);
    fs.writeFileSync(path.join(folder, 'configuration'), configuration(ports));
    const said = fs.openSync(log, 'a');
    const child = spawn(binary, args(folder), { cwd: folder, stdio: ['ignore', said, said] });
    fs.closeSync(said);
    const proxy = { child, folder, ports, port: ports.at(-1), gone: false };
    running.add(proxy);
    proxy.exited = once(child, 'exit').then(() => (proxy.gone = true), () => (proxy.gone = true));
    proxy.stop = async (signal = 'SIGTERM') => {
      child.kill(signal);
      await proxy.exited;
    };
    for (let look = 0; look < 500 && !proxy.gone; look++) {
      if (await accepts(proxy.port)) return proxy;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await proxy.stop('SIGKILL');
    running.delete(proxy);
  }
  const text = fs.readFileSync(log, 'latin1').slice(-2000);
  fs.rmSync(folder, { recursive: true, force: true });
  throw new Error(`${name} does not start; it said:\n${text}`);
}

/** nginx, with what `configuration(ports)` returns for `count` ports: {child, folder, ports, port, exited,
 * stop()}. It listens on the last of them, `port`, when this resolves. */
export const startNginx = (configuration, count = 1) =>
  start('nginx', {
    configuration,
    count,
    args: (folder) => ['-p', folder, '-c', 'configuration', '-e', 'stderr', '-g', 'daemon off; master_process off;'],
  });

/** HAProxy, likewise. */
export const startHaproxy = (configuration, count = 1) =>
  start('haproxy', { configuration, count, args: () => ['-db', '-f', 'configuration'] });

/* The configurations that we give away, as they are but for the two addresses: where the proxy listens, and
 * where Godwit is. */
function example(file, behind) {
  const text = fs.readFileSync(new URL(`../../examples/${file}`, import.meta.url), 'utf8');
  for (const address of ['*:8080', '127.0.0.1:9880']) assert(text.includes(address), `${file} does not name ${address}`);
  return ([port]) => text.replaceAll('*:8080', `127.0.0.1:${port}`).replaceAll('127.0.0.1:9880', `127.0.0.1:${behind}`);
}

/** A proxy of one of our examples in front of the port `behind`: 'nginx' or 'haproxy'. */
export const startExample = (name, behind) =>
  name === 'nginx' ? startNginx(example('nginx.conf', behind)) : startHaproxy(example('haproxy.cfg', behind));
