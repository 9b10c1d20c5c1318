// Starts the page that is inside this file. Its files are in the part "page"; each module becomes a blob, so nothing is requested.
(async () => {
  const fail = (text) => ((document.querySelector("#page p") ?? document.getElementById("page")).textContent = text);
  if (typeof DecompressionStream === "undefined") return void fail("This file needs a newer browser: Chromium 80, Firefox 113, Safari 16.4, or later.");
  const sources = await read(document.querySelector('.fgm-part[data-name="page"]')).catch(() => null);
  if (sources === null) return void fail("This file is damaged: the program of its page cannot be read. Get the file again, or open it with fgm-viewer.");
  document.adoptedStyleSheets = Object.keys(sources).filter((path) => path.endsWith(".css")).map(styleSheet);
  const urls = new Map(); // path of a module → URL of its blob
  try {
    await import(urlOf("main.js"));
  } catch (error) {
    fail(`The page in this file did not start: ${error.message}`);
    throw error;
  }

  async function read(part) {
    const bytes = Uint8Array.from(atob(part.textContent), (character) => character.charCodeAt(0));
    return JSON.parse(await new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text());
  }

  function styleSheet(path) {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(sources[path]);
    return sheet;
  }

  /** The URL of a module whose imports have URLs of blobs instead of paths. There are no cycles. */
  function urlOf(path) {
    if (urls.has(path)) return urls.get(path);
    const source = sources[path].replace(/\b(from|import)(\s*)"(\.\.?\/[^"]+)"/g, (all, word, space, name) => {
      const imported = new URL(name, `fgm:///${path}`).pathname.slice(1);
      return imported in sources ? `${word}${space}"${urlOf(imported)}"` : all;
    });
    urls.set(path, URL.createObjectURL(new Blob([source, `\n//# sourceURL=fgm/${path}`], { type: "text/javascript" })));
    return urls.get(path);
  }
})();
