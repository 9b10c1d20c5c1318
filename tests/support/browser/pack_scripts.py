"""Scripts that tests run in the page to ask packs and to open files."""

OPENED = """async ({ text }) => {
    const names = ["requests/pack/pack-file", "requests/pack/pack-source", "requests/http-source"];
    const [{ packOfFile }, { PackSource }, http] = await Promise.all(names.map(fgm));
    const onDamage = (sentence) => { throw new Error(sentence); };
    window.pack = new PackSource(await packOfFile(new File([text], "incident.html")), onDamage);
    window.viewer = http.viewer;
}"""
"""Script that opens the text of a pack as a source, next to the viewer of the page."""
BOTH = """async ([path, query]) => {
    const format = path === "api/timeseries" ? { format: "json" } : {};
    const asList = (value) => Array.from(value, (cell) => Number.isNaN(cell) ? null : cell);
    const both = [await viewer.get(path, { ...query, ...format }, {}), await pack.get(path, query)];
    return JSON.parse(JSON.stringify(both, (key, value) => value instanceof Float32Array ? asList(value) : value));
}"""
"""Script that returns the answers of the viewer and of the pack."""
OPEN_TWO = """async (text) => {
    const { openFile } = await fgm("requests/pack/opening");
    let read;
    const slow = { name: "slow.html", size: 5, text: () => new Promise((resolve) => (read = resolve)) };
    const first = openFile(slow);
    await openFile(new File([text], "incident.html"));
    read(text);
    await first;
}"""
"""Script that opens a file while another one is still being read."""
FORWARD_AND_BACK = """async () => {
    const { packOfFile } = await fgm("requests/pack/pack-file");
    const { PackSource } = await fgm("requests/pack/pack-source");
    const read = File.prototype.text, reads = [];
    let allow;
    const isAllowed = new Promise((resolve) => (allow = resolve));
    File.prototype.text = function () {
        reads.push(isAllowed.then(() => read.call(this)));
        return reads.at(-1);
    };
    const turn = (by) => new Promise((resolve) => {
        addEventListener("popstate", resolve, { once: true });
        history.go(by);
    });
    await turn(1);
    await turn(-1);
    File.prototype.text = read;
    allow();
    const same = new PackSource(await packOfFile(new File([await reads[0]], "incident.html")), () => {});
    await same.series(); // the first one has been read, too
    return { reads: reads.length, origin: history.state.origin };
}"""
"""Script that goes forward to a file, and back while it is being read; it returns of what the view is then."""
OPEN_FOLDER = """async () => {
    const folder = { size: 4096, text: () => Promise.reject(new DOMException("A folder has no text.")) };
    await (await fgm("requests/pack/opening")).openFile(folder);
}"""
"""Script that opens what a browser passes on if a folder is dropped."""
FUZZ = """async ({ text, seed, count }) => {
    const names = ["requests/pack/pack-file", "requests/pack/pack-source", "requests/source", "lib/pack/unusable-pack"];
    const [{ packOfFile }, { PackSource }, { Problem }, { UnusablePack }] = await Promise.all(names.map(fgm));
    let state = seed;
    const random = (limit) => ((state = (state * 1103515245 + 12345) % 2147483648) % limit);
    const whole = await packOfFile(new File([text], "incident.html"));
    const { from_ms: from, to_ms: to } = whole.manifest;
    const ids = [...(await new PackSource(whole, () => {}).series()).keys()];
    const metric = ["total_cpu_usage_millicores", "memory_limit_bytes"];
    const queries = Object.entries({
        "api/health": {}, "api/metrics": {}, "api/containers": {},
        "api/events": { from, to }, "api/findings": { from, to },
        "api/timeseries": { metric, containers: ids, from, to }, "api/top": { metric: metric[0], from, to, parts: 48 },
        "api/wall": { metric: metric[1], by: "container", from, to, columns: 100 },
        "api/processes": { id: "node", from, to, points: 100 },
        "api/labelled": { metric: "io_bytes_per_s", containers: ids, from, to, points: 100 },
    });
    const answered = { whole: 0, refused: 0, damaged: 0, unexpected: [] };
    const ask = async (pack) => {
        for (const [path, query] of queries) {
            try {
                JSON.stringify(await pack.get(path, query));
                answered.whole += 1;
            } catch (error) {
                if (error instanceof Problem || error instanceof UnusablePack) answered.refused += 1;
                else answered.unexpected.push(`${path}: ${error.stack}`);
            }
        }
    };
    const onDamage = () => (answered.damaged += 1);
    // Parts that were changed before they were compressed: no checksum is wrong.
    const parts = ["answers", "passed", "processes", "labelled", ...metric.map((name) => `samples/${name}`)];
    for (let i = 0; i < count; i += 1) {
        const changed = parts[random(parts.length)], content = await whole.part(changed);
        const limit = random(3) === 0 ? content.length : Math.min(content.length, 4000);
        const letter = () => "0123456789-[]{},null".charCodeAt(random(20));
        for (let k = random(6); k >= 0; k -= 1) content[random(limit)] = random(2) ? letter() : random(256);
        const part = async (name) => (name === changed ? content : whole.part(name));
        const json = async (name) => {
            try {
                return JSON.parse(new TextDecoder().decode(await part(name)));
            } catch {
                throw new UnusablePack("it is not JSON");
            }
        };
        await ask(new PackSource({ manifest: whole.manifest, has: (name) => whole.has(name), part, json }, onDamage));
    }
    for (let i = 0; i < count; i += 1) {
        const at = random(text.length), end = random(4) === 0 ? random(text.length) : text.length;
        const changed = (text.slice(0, at) + String.fromCharCode(33 + random(90)) + text.slice(at + 1)).slice(0, end);
        const pack = await packOfFile(new File([changed], "incident.html")).catch((error) => error);
        if (pack instanceof UnusablePack) answered.refused += 1;
        else if (pack instanceof Error) answered.unexpected.push(pack.stack);
        else await ask(new PackSource(pack, onDamage));
    }
    return answered;
}"""
"""Script that asks damaged packs, and returns how often they answered, refused, or failed with another error."""
HIGHEST = """async ([text, metric]) => {
    const names = ["requests/pack/pack-file", "requests/pack/pack-source"];
    const [{ packOfFile }, { PackSource }] = await Promise.all(names.map(fgm));
    const source = new PackSource(await packOfFile(new File([text], "incident.html")), () => {});
    const values = (await source.samples.lines(metric)).flatMap(({ v }) => [...v]);
    return values.reduce((most, value) => (value > most ? value : most), 0);
}"""
"""Script that returns the highest value of a metric in a pack."""
