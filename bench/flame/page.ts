import type { Frame } from "./cpu-profile.ts";

/** One graph of the page. */
export interface FlameGraph {
  readonly title: string;
  readonly tree: Frame;
}

/** Narrower frames cannot be seen; leaving them out keeps the page small. */
const LEAST_SHARE = 0.0005;

/**
 * Flame graphs as one page that needs nothing else: the width of a frame is its
 * share of the busy time, what it calls stands below it. A click widens a frame.
 */
export function flamePage(
  title: string,
  graphs: readonly FlameGraph[],
): string {
  const data = graphs.map((graph) => ({
    title: graph.title,
    tree: pack(graph.tree, graph.tree.total * LEAST_SHARE),
  }));
  // "<" would end the script element wherever a name holds "</script".
  const json = JSON.stringify(data).replaceAll("<", String.raw`\u003c`);
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escape(title)}</title>
<style>${STYLE}</style>
<h1>${escape(title)}</h1>
<p>Width is the share of busy time. Click a frame to widen it, its caller to go back.
<label>Find <input type="search"></label> <output></output></p>
<main></main>
<script>const graphs = ${json};
${SCRIPT}</script>
</html>
`;
}

type Packed = readonly [
  name: string,
  micros: number,
  children: readonly Packed[],
];

function pack(frame: Frame, least: number): Packed {
  const children = frame.children.filter(({ total }) => total >= least);
  return [
    frame.name,
    Math.round(frame.total),
    children.map((child) => pack(child, least)),
  ];
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}

const STYLE = `
:root { color-scheme: light dark; font: 14px system-ui, sans-serif; }
body { margin: 1rem; }
h1 { font-size: 1.2rem; } h2 { font-size: 1rem; }
.graph { position: relative; overflow: hidden; }
.graph button { position: absolute; height: 17px; padding: 0 3px; border: 0; border-radius: 2px; overflow: hidden;
  font: 11px/17px ui-monospace, monospace; text-align: left; white-space: nowrap; color: #1f2328; cursor: pointer; }
.graph button.found { outline: 2px solid #8250df; outline-offset: -2px; }
`;

/** Runs in the browser; `graphs` stands before it. */
const SCRIPT = `
const ROW = 18;
const COLOURS = [["src/proxy", 28], ["src/http", 205], ["src/cache", 140], ["src/", 265], ["node:", 50]];
function colour(name) {
  const hue = (COLOURS.find(([part]) => name.includes(part)) ?? ["", 0])[1];
  const plain = name.includes(":") ? 70 : 8;
  return "hsl(" + hue + " " + plain + "% " + (72 + (name.length % 5) * 2) + "%)";
}
function draw(place, root, path) {
  place.replaceChildren();
  const [focus] = path.slice(-1);
  let rows = 0;
  const add = (frame, row, left, width, above) => {
    rows = Math.max(rows, row + 1);
    const button = document.createElement("button");
    const share = (100 * frame[1] / root[1]).toFixed(1) + " %";
    button.textContent = frame[0];
    button.title = frame[0] + "\\n" + share + " of all, " + (frame[1] / 1000).toFixed(1) + " ms";
    button.style.cssText = "top:" + row * ROW + "px;left:" + left + "%;width:calc(" + width + "% - 1px);background:" + colour(frame[0]);
    button.onclick = () => draw(place, root, above.concat([frame]));
    place.append(button);
  };
  path.forEach((frame, row) => add(frame, row, 0, 100, path.slice(0, row)));
  const below = (frame, row, left, width, above) => {
    let at = left;
    for (const child of frame[2]) {
      const wide = width * child[1] / frame[1];
      if (wide > 0.1) {
        add(child, row, at, wide, above);
        below(child, row + 1, at, wide, above.concat([child]));
      }
      at += wide;
    }
  };
  below(focus, path.length, 0, 100, path);
  place.style.height = rows * ROW + "px";
  mark();
}
const field = document.querySelector("input");
function mark() {
  const word = field.value.toLowerCase();
  let count = 0;
  for (const button of document.querySelectorAll(".graph button")) {
    const found = word !== "" && button.textContent.toLowerCase().includes(word);
    button.classList.toggle("found", found);
    if (found) count++;
  }
  document.querySelector("output").textContent = word === "" ? "" : count + " frames";
}
field.oninput = mark;
for (const { title, tree } of graphs) {
  const heading = document.createElement("h2");
  heading.textContent = title;
  const place = document.createElement("div");
  place.className = "graph";
  document.querySelector("main").append(heading, place);
  draw(place, tree, [tree]);
}
`;
