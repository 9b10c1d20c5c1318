#!/usr/bin/env bash
# preact 10.27.2 and 11.2.0, Node.js 18 or newer.
# A component of Preact that draws itself again and again keeps what it drew before.
#
# Expected: properties of an earlier render can be collected as garbage, as soon as a later render has replaced them.
# Seen: all 200 are kept. The element around the component is not rendered again, and its
#           properties contain the component's first element. The children of that have references to the parent that they
#           had when they last skipped an update (shouldComponentUpdate), which has such children, too, and so on.
#           A chain forms if two children skip updates in turn.
set -euo pipefail
command -v npm >/dev/null || { echo "npm is missing"; exit 77; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat >renders.mjs <<'JS'
import undom from "undom";
globalThis.document = undom();
const { Component, h, render } = await import("preact");
class Inner extends Component {
  shouldComponentUpdate(next) { return next.version !== this.props.version; }
  render({ version }) { return h("b", null, version); }
}
const Text = ({ data }) => h("i", null, data.text);
let outer;
const earlier = [];
class Outer extends Component {
  constructor() { super(); outer = this; this.state = { n: 0 }; }
  render(_, { n }) {
    const data = { text: `${n}` };
    earlier.push(new WeakRef(data));
    return h("div", null, h(Inner, { version: n >> 1 }), h(Inner, { version: (n + 1) >> 1 }), h(Text, { data }));
  }
}
render(h("main", null, h(Outer)), document.createElement("div"));
const pause = () => new Promise((done) => setTimeout(done, 5));
for (let n = 1; n < 200; n += 1) { outer.setState({ n }); await pause(); }
for (let k = 0; k < 3; k += 1) { await pause(); gc(); }
console.log(earlier.filter((ref) => ref.deref() !== undefined).length);
JS
status=0
for version in 10.27.2 11.2.0; do
  npm install --silent --no-audit --no-fund "preact@$version" undom@0.4.0 >/dev/null
  kept=$(node --expose-gc renders.mjs)
  echo "preact $version: the properties of $kept of 200 renders are kept (expected: 1 or 2)"
  [ "$kept" -ge 190 ] || status=1
done
exit $status
