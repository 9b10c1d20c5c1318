// A connection that is cut while the page loads may take one of its files along. Then it is loaded again, twice at most.
{
  const MOST = 2, PAUSE_MS = 1000;
  addEventListener("error", ({ target }) => {
    if (!(target instanceof HTMLScriptElement || target instanceof HTMLLinkElement)) return;
    const times = Number(sessionStorage.getItem("fgm.reloads") ?? 0);
    sessionStorage.setItem("fgm.reloads", times + 1);
    if (times < MOST) return void setTimeout(() => location.reload(), PAUSE_MS);
    sessionStorage.removeItem("fgm.reloads");
    document.getElementById("page").textContent = "The page did not load whole: the connection broke. Reload it when the port-forward is back.";
  }, true);
}
