// The sandbox's /drive calls: https answers in JSON, refusals as Error with the sandbox's words.

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

/** Calls `listen(event)` for each change in the sandbox, and `listen({topic: "connected"})`. */
export function follow(listen, status) {
  const source = new EventSource("/drive/events");
  source.onopen = () => {
    status(true);
    listen({ topic: "connected" });
  };
  source.onerror = () => status(false);
  source.onmessage = (event) => listen(JSON.parse(event.data));
}
