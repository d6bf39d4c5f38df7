// Server-sent events, read by fetch: whatever comes means that something has changed.

const RETRY_MS = 1000;
const SILENCE_MS = 40_000; // the daemon sends a sign of life every fifteen seconds

/** Calls `changed` at each event until it is stopped; begins anew when the connection ends. */
export function watchEvents(changed: () => void): () => void {
  const stop = new AbortController();
  void follow(changed, stop.signal);
  return () => stop.abort();
}

async function follow(changed: () => void, stopped: AbortSignal): Promise<void> {
  let place = "";
  while (!stopped.aborted) {
    try {
      place = await once(place, changed, stopped);
    } catch {
      // The daemon is away; the picture says so by itself.
    }
    if (!stopped.aborted) await new Promise((go) => setTimeout(go, RETRY_MS));
  }
}

async function once(from: string, changed: () => void, stopped: AbortSignal): Promise<string> {
  let place = from;
  const silent = new AbortController();
  let timer = setTimeout(() => silent.abort(), SILENCE_MS);
  try {
    const answer = await fetch("/api/v1/watch", {
      headers: { Accept: "text/event-stream", ...(from === "" ? {} : { "Last-Event-ID": from }) },
      credentials: "same-origin",
      signal: AbortSignal.any([stopped, silent.signal]),
    });
    if (!answer.ok || answer.body === null) return "";
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return place;
      clearTimeout(timer);
      timer = setTimeout(() => silent.abort(), SILENCE_MS);
      const lines = (rest + value).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        if (line.startsWith("id:")) place = line.slice(3).trim();
        if (line.startsWith("event: problem")) place = "";
        if (line.startsWith("data:")) changed();
      }
    }
  } finally {
    clearTimeout(timer);
  }
}
