// server.mjs - starts the server under test on a free port, and ends it: that process and no other.
//
// The program is named by the environment's GODWIT, else build/godwit of this tree.
import { spawn } from 'node:child_process';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

import { bail, cleanup } from './tap.mjs';

export const program =
  process.env.GODWIT || fileURLToPath(new URL('../../build/godwit', import.meta.url));

/** The environment without settings that would reach the server from the person who runs the tests. */
export function cleanEnv(extra = {}) {
  const env = {};
  for (const [name, value] of Object.entries(process.env))
    if (!name.startsWith('GODWIT')) env[name] = value;
  return { ...env, ...extra };
}

const running = new Set();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Spawns the program with `args`. `exited` resolves to {code, signal}; `text` is what it has said. */
export function spawnGodwit(args, { env = {}, stdin = 'ignore' } = {}) {
  const child = spawn(program, args, { env: cleanEnv(env), stdio: [stdin, 'pipe', 'pipe'] });
  const self = { child, text: { stdout: '', stderr: '' }, exited: null, listeners: new Set() };
  running.add(child);
  for (const name of ['stdout', 'stderr']) {
    child[name].setEncoding('utf8');
    child[name].on('data', (data) => {
      self.text[name] += data;
      for (const listener of self.listeners) listener();
    });
  }
  self.exited = new Promise((resolve) => {
    child.on('error', (error) => {
      running.delete(child);
      resolve({ code: -1, signal: null, error });
    });
    child.on('close', (code, signal) => {
      running.delete(child);
      resolve({ code, signal });
    });
  });
  /** Resolves when `look()` finds something in what the program said; rejects when it ends before. */
  self.says = (look, seconds = 10) =>
    new Promise((resolve, reject) => {
      const done = (settle, value) => {
        clearTimeout(timer);
        self.listeners.delete(check);
        settle(value);
      };
      const check = () => {
        const found = look(self.text);
        if (found) done(resolve, found);
      };
      const explain = (why) =>
        new Error(`${program} ${args.join(' ')}: ${why}; it said:\n${self.text.stdout}${self.text.stderr}`);
      const timer = setTimeout(() => done(reject, explain(`not after ${seconds} s`)), seconds * 1000);
      self.listeners.add(check);
      self.exited.then((end) =>
        done(reject, explain(end.error ? end.error.message : `ended with ${end.code ?? end.signal}`)));
      check();
    });
  self.kill = (signal = 'SIGTERM') => child.kill(signal);
  return self;
}

/** Starts `godwit serve` and resolves when it listens: {port, origin, host, stop(), stderr(), process}. */
export async function startServer({ args = [], listen = '127.0.0.1:0', env = {} } = {}) {
  const server = spawnGodwit(['serve', `--listen=${listen}`, ...args], { env });
  const address = await server
    .says(({ stdout, stderr }) =>
      /http:\/\/(127\.0\.0\.1|localhost|\[::1\]):(\d+)\//.exec(stdout) ??
      /http:\/\/(127\.0\.0\.1|localhost|\[::1\]):(\d+)\//.exec(stderr))
    .catch((error) => {
      server.kill('SIGKILL');
      throw error;
    });
  const port = Number(address[2]);
  return {
    port,
    host: `127.0.0.1:${port}`,
    process: server,
    stderr: () => server.text.stderr,
    /** Asks it to end, waits, and resolves to {code, signal}; after 10 s it is ended by force. */
    async stop(signal = 'SIGTERM') {
      const timer = setTimeout(() => server.kill('SIGKILL'), 10_000);
      server.kill(signal);
      const end = await server.exited;
      clearTimeout(timer);
      return end;
    },
  };
}

/** One server for a whole suite: it must outlive the cases, and end with status 0 when they are done. */
export async function suiteServer(options) {
  const server = await startServer(options);
  let done = false;
  server.process.exited.then(({ code, signal }) => {
    if (!done) bail(`the server ended with ${code ?? signal} in the middle of it\n${server.stderr().slice(-8000)}`);
  });
  cleanup(async () => {
    done = true;
    const { code, signal } = await server.stop();
    if (code !== 0)
      throw new Error(`the server ended with ${code ?? signal}; it said:\n${server.stderr().slice(-4000)}`);
  });
  return server;
}
