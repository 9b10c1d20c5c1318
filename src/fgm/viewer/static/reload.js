// If the connection breaks while the page loads, one of its files may be missing. The page is then reloaded, at most twice.
{
  const MAX_RELOADS = 2, PAUSE_MS = 1000;
  addEventListener("error", ({ target }) => {
    if (!(target instanceof HTMLScriptElement || target instanceof HTMLLinkElement)) return;
    const reloads = Number(sessionStorage.getItem("fgm.reloads") ?? 0);
    sessionStorage.setItem("fgm.reloads", reloads + 1);
    if (reloads < MAX_RELOADS) return void setTimeout(() => location.reload(), PAUSE_MS);
    sessionStorage.removeItem("fgm.reloads");
    document.getElementById("page").textContent = "The page did not load completely: the connection broke. Reload it when the port-forward is running again.";
  }, true);
}
