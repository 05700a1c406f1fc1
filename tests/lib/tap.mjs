// tap.mjs - a test harness of one page: cases with names and deadlines, told as TAP.
//
//     test('a newcomer is greeted', async (t) => { ... throw to fail ... });
//     await run({ concurrency: 16 });
//
// Lines come in the order in which the cases were declared, whatever ran first; the plan comes last,
// and a run that dies before it has not passed. What a case says with t.note() is shown when it fails.
import assert from 'node:assert/strict';
import process from 'node:process';

const cases = [];
const cleanups = [];
const underWay = new Set();

/** Declares a case. `seconds` is all it may take. `alone`: it runs when no other does. */
export function test(name, body, { seconds = 10, alone = false } = {}) {
  assert(!cases.some((one) => one.name === name), `two cases are called "${name}"`);
  cases.push({ name, body, seconds, alone });
}

/** Runs when all cases are done, the last one declared first. */
export function cleanup(body) {
  cleanups.unshift(body);
}

/** Ends the run: nothing that follows could pass, such as when the server has died. */
export function bail(why) {
  for (const one of underWay) process.stdout.write(`# under way: ${one.name}\n`);
  process.stdout.write(`#   ${why.trimEnd().replaceAll('\n', '\n#   ')}\nBail out! ${why.split('\n', 1)[0]}\n`);
  process.exit(1);
}

function withDeadline(promise, seconds) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not done after ${seconds} s`)), seconds * 1000);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

async function runOne(one) {
  const notes = [];
  const undo = [];
  const t = {
    note: (text) => notes.push(String(text)),
    after: (body) => undo.unshift(body),
  };
  let error;
  underWay.add(one);
  try {
    await withDeadline(Promise.resolve().then(() => one.body(t)), one.seconds);
  } catch (caught) {
    error = caught ?? new Error('threw nothing');
  }
  for (const body of undo) {
    try {
      await withDeadline(Promise.resolve().then(body), 10);
    } catch (caught) {
      error ??= caught;
    }
  }
  underWay.delete(one);
  return { error, notes };
}

function tell(number, name, { error, notes }) {
  const safe = name.replace(/[\\#]/g, '\\$&').replace(/[\x00-\x1f\x7f]/g, ' ');
  let text = `${error ? 'not ok' : 'ok'} ${number} - ${safe}\n`;
  if (error) {
    const where = (error.stack ?? '').split('\n').filter((line) => line.includes('/tests/')).slice(0, 3);
    const said = [error.message ?? String(error), ...where, ...notes];
    for (const line of said.join('\n').split('\n')) text += `#   ${line}\n`;
  }
  process.stdout.write(text);
}

/** Runs every declared case, at most `concurrency` at once, and sets the exit status. */
export async function run({ concurrency = 1 } = {}) {
  const only = process.env.ONLY; // for a person at work on one case: ONLY='5.5 ping' node suite.mjs
  const todo = only ? cases.filter((one) => one.name.includes(only)) : cases;
  const results = new Array(todo.length);
  let told = 0;
  let failed = 0;
  const settle = (index, result) => {
    results[index] = result;
    while (told < todo.length && results[told]) {
      tell(told + 1, todo[told].name, results[told]);
      failed += results[told].error ? 1 : 0;
      told++;
    }
  };

  process.stdout.write('TAP version 13\n');
  const together = todo.map((_, index) => index).filter((index) => !todo[index].alone);
  const alone = todo.map((_, index) => index).filter((index) => todo[index].alone);
  const worker = async () => {
    while (together.length > 0) {
      const index = together.shift();
      settle(index, await runOne(todo[index]));
    }
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
  for (const index of alone) settle(index, await runOne(todo[index]));

  for (const body of cleanups) {
    try {
      await withDeadline(Promise.resolve().then(body), 20);
    } catch (error) {
      process.stdout.write(`# cleaning up: ${error.message.replaceAll('\n', '\n#   ')}\n`);
      failed++;
    }
  }
  process.stdout.write(`1..${todo.length}\n`);
  if (failed > 0) process.stdout.write(`# ${failed} of ${todo.length} failed\n`);
  process.exit(failed > 0 || todo.length === 0 ? 1 : 0);
}
