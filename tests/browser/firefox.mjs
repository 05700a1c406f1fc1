// firefox.mjs - Debian's Firefox, driven by WebDriver BiDi: as much of it as tests here need.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { once } from 'node:events';

import WebSocket from 'ws';

const BINARY = '/usr/bin/firefox-esr';

/* Where it listens for a driver, as it says when it does. */
function address(child) {
  return new Promise((resolve, reject) => {
    let said = '';
    child.stderr.on('data', (data) => {
      said += data;
      const found = /WebDriver BiDi listening on (ws:\/\/\S+)/.exec(said);
      if (found) resolve(found[1]);
    });
    child.on('exit', (code, signal) => reject(new Error(`${BINARY} ended with ${code ?? signal}; it said:\n${said.slice(-2000)}`)));
  });
}

class Firefox {
  constructor(child, exited, ws) {
    Object.assign(this, { child, exited, ws, asked: new Map(), number: 0 });
    ws.on('message', (data) => {
      const answer = JSON.parse(data);
      this.asked.get(answer.id)?.(answer);
      this.asked.delete(answer.id);
    });
  }

  async call(method, params) {
    const id = ++this.number;
    const answered = new Promise((resolve) => this.asked.set(id, resolve));
    this.ws.send(JSON.stringify({ id, method, params }));
    const answer = await answered;
    assert.equal(answer.type, 'success', `${method}: ${answer.message}`);
    return answer.result;
  }

  /** A window with this page, since a tab behind others would be slowed down: {evaluate(expression), close()};
   * evaluate() resolves to what JSON can hold. To be closed when it is done with: Firefox connects one WebSocket
   * to a host at a time, on whatever port, and pages that try in vain hold up the others. */
  async newPage(url) {
    const { context } = await this.call('browsingContext.create', { type: 'window' });
    await this.call('browsingContext.navigate', { context, url, wait: 'complete' });
    return {
      evaluate: async (expression) => {
        const { result, exceptionDetails } = await this.call('script.evaluate', {
          expression: `JSON.stringify(${expression})`, target: { context }, awaitPromise: false,
        });
        assert(result, exceptionDetails?.text);
        return JSON.parse(result.value);
      },
      close: () => this.call('browsingContext.close', { context }),
    };
  }

  async close() {
    await this.call('browser.close', {});
    await this.exited;
  }
}

export async function launchFirefox() {
  const profile = fs.mkdtempSync(path.join(os.tmpdir(), 'godwit-firefox-'));
  const args = ['--headless', '--no-remote', '--profile', profile, '--remote-debugging-port=0', 'about:blank'];
  const child = spawn(BINARY, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  process.on('exit', () => {
    child.kill('SIGKILL');
    fs.rmSync(profile, { recursive: true, force: true });
  });
  const exited = once(child, 'exit');
  const ws = new WebSocket(`${await address(child)}/session`);
  await once(ws, 'open');
  const firefox = new Firefox(child, exited, ws);
  await firefox.call('session.new', { capabilities: {} });
  return firefox;
}
