// Requests that give way to the samples of the lanes: what a person waits for comes first on a viewer with little CPU time.

import { effect } from "../vendor/signals.js";
import { loading } from "../state/store.js";
import { loadingWalls } from "../state/wall/wall-data.js";

const PAUSE_MS = 100; // between two looks at whether the lanes still load

/** Call `request` with an AbortSignal that cancels it as soon as samples of the lanes are being loaded. */
export async function yielding(request) {
  const abort = new AbortController();
  const stop = effect(() => void ((loading.value || loadingWalls.value) && abort.abort()));
  try {
    return await request(abort.signal);
  } finally {
    stop();
  }
}

/** Like `yielding`, but if the request is canceled, repeat it when the samples of the lanes have been loaded. */
export async function whenIdle(request) {
  for (;;) {
    while (loading.peek() || loadingWalls.peek()) await new Promise((done) => setTimeout(done, PAUSE_MS));
    try {
      return await yielding(request);
    } catch (error) {
      if (error.name !== "AbortError") throw error;
    }
  }
}
