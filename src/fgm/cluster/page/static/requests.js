// Requests to the server of this page.

const url = (path, fields) => `${path}?${new URLSearchParams(fields)}`.replace(/\?$/, "");

/** The JSON of an answer. Throws an Error with the server's sentence if it is a problem. */
export async function readJson(path, fields = {}) {
  const response = await request(url(path, fields));
  return response.json();
}

/** Yields the values of an answer that has one JSON value in each line. */
export async function* readLines(path, fields, signal) {
  const response = await request(url(path, fields), signal);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  while (true) {
    const { value, done } = await reader.read();
    if (done) break;
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    for (const line of lines) yield JSON.parse(line);
  }
  if (rest) throw new Error("the answer was cut");
}

async function request(address, signal) {
  let response;
  try {
    response = await fetch(address, { signal });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Error("fgm cluster does not respond: is it still running?");
  }
  if (response.ok) return response;
  const problem = await response.json().catch(() => ({}));
  throw new Error(problem.detail ?? `status ${response.status}`);
}
