// Server-sent events read with fetch, which can send a host's headers; one stream serves all tabs of a browser.

/**
 * @import { JobEvent } from "./types.js"
 * @typedef {{kind: "up"} | {kind: "down"} | {kind: "events", events: JobEvent[]}} Told
 * @typedef {(told: Told) => void} Tell
 * @typedef {(last: number | null, signal: AbortSignal) => Promise<Response>} Open
 */

const SILENCE_MILLISECONDS = 60_000;
const LONGEST_WAIT = 15_000;

/** Whether streams can be shared: browsers allow it on secure origins, and on this machine. */
export const canShare = () => Boolean(globalThis.navigator?.locks && globalThis.BroadcastChannel);

/**
 * Listen until *signal* says stop: reconnects, and goes on after the last event.
 * @param {Open} open @param {Tell} tell @param {AbortSignal} signal
 */
export async function listen(open, tell, signal) {
  /** @type {number | null} */
  let last = null;
  let wait = 1000;
  while (!signal.aborted) {
    const silence = new AbortController();
    try {
      const response = await open(last, AbortSignal.any([signal, silence.signal]));
      if (!response.ok || response.body === null) throw new Error(`${response.status}`);
      tell({ kind: "up" });
      wait = 1000;
      for await (const events of batches(response.body, silence)) {
        if (events.length) tell({ kind: "events", events });
        last = events.at(-1)?.seq ?? last;
      }
      if (!signal.aborted) await pause(200, signal); // it lasted its time: go on where it ended
    } catch {
      if (signal.aborted) return;
      tell({ kind: "down" });
      await pause(wait * (0.75 + Math.random() / 2), signal);
      wait = Math.min(wait * 2, LONGEST_WAIT);
    }
  }
}

/**
 * Listen on behalf of all tabs that give the same name: one of them holds the stream and tells the others; when it goes, another takes over.
 * @param {string} name @param {Open} open @param {Tell} tell @param {AbortSignal} signal
 */
export function listenTogether(name, open, tell, signal) {
  const channel = new BroadcastChannel(name);
  let leads = false;
  let isUp = false;
  channel.onmessage = ({ data }) => {
    if (data.kind !== "hello") tell(data);
    else if (leads) channel.postMessage({ kind: isUp ? "up" : "down" });
  };
  const hold = async () => {
    leads = true;
    await listen(open, (told) => {
      if (told.kind !== "events") isUp = told.kind === "up";
      if (signal.aborted) return;
      channel.postMessage(told);
      tell(told);
    }, signal);
  };
  navigator.locks.request(name, { signal }, hold).catch(() => undefined); // it only fails when it is no longer wanted
  signal.addEventListener("abort", () => channel.close());
  channel.postMessage({ kind: "hello" });
}

/** @param {number} milliseconds @param {AbortSignal} signal @returns {Promise<void>} */
function pause(milliseconds, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });
}

/**
 * The events of a stream, as many at a time as came at a time.
 * @param {ReadableStream<Uint8Array>} body @param {AbortController} silence Aborted when nothing, not even a heartbeat, came for long.
 * @returns {AsyncGenerator<JobEvent[]>}
 */
async function* batches(body, silence) {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let text = "";
  for (;;) {
    const timer = setTimeout(() => silence.abort(), SILENCE_MILLISECONDS);
    const { done, value } = await reader.read().finally(() => clearTimeout(timer));
    if (done) return;
    const blocks = (text + decoder.decode(value, { stream: true })).split("\n\n");
    text = blocks.pop() ?? "";
    yield blocks.flatMap(parsed);
  }
}

/** @param {string} block @returns {JobEvent[]} The event of a block, if it is one of a job. */
function parsed(block) {
  const lines = block.split("\n");
  const data = lines.flatMap((line) => (line.startsWith("data:") ? [line.slice(5).trimStart()] : [])).join("\n");
  return data === "" || lines.some((line) => line.startsWith("event:")) ? [] : [JSON.parse(data)];
}
