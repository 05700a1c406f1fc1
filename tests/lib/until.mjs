// until.mjs - waiting for something that no event tells of.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';

/** Resolves to what `look()` finds, once it finds something; `what()` says what was waited for in vain. */
export async function until(look, what, ms = 8000) {
  for (const end = performance.now() + ms; ; await sleep(20)) {
    const found = await look();
    if (found) return found;
    assert(performance.now() < end, `waited ${ms / 1000} s in vain for ${what()}`);
  }
}
