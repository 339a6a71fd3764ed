// The sandbox's /drive calls: answers are JSON, refusals become Errors with the sandbox's words.

async function call(path, options) {
  const response = await fetch(`/drive/${path}`, options);
  const body = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(body.error ?? `${response.status} ${response.statusText}`);
  return body;
}

export function get(path, query = {}) {
  const shown = Object.entries(query).filter(([, value]) => value);
  return call(shown.length ? `${path}?${new URLSearchParams(shown)}` : path);
}

export function post(path, body = {}) {
  return call(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
}

/**
 * Calls `listen(event)` for each change in the sandbox, and `listen({topic: "connected"})`.
 * Only while the page is seen: a browser has six connections for all tabs on one server.
 */
export function follow(listen, status) {
  let source = null;
  const open = () => {
    source = new EventSource("/drive/events");
    source.onopen = () => {
      status(true);
      listen({ topic: "connected" });
    };
    source.onerror = () => status(false);
    source.onmessage = (event) => listen(JSON.parse(event.data));
  };
  document.addEventListener("visibilitychange", () => {
    source.close();
    if (document.visibilityState === "visible") open();
  });
  open();
}
