// What this page shows is measured here, in the browser, from the answers it gets.
"use strict";

const BEAT_MS = 1000;
const SLOW_MS = 1500;
const NEWS_MS = 2000;

/** Any copy of the last day will do; without these words browsers ask for none at all. */
const COPY = "max-age=86400";
/** No copy is to be made: nobody will ask for this again. */
const NO_COPY = "no-store";

/** Asks the site and reads what the answer says of its way here. */
async function ask(path, wish = COPY) {
  const startMs = performance.now();
  // "no-store" keeps the browser's own cache out of it: the proxy is to answer.
  const answer = await fetch(path, { cache: "no-store", headers: { "Cache-Control": wish } });
  const body = await answer.arrayBuffer();
  return {
    ok: answer.ok,
    status: answer.status,
    ms: performance.now() - startMs,
    bytes: body.byteLength,
    cache: answer.headers.get("cache-status"),
    age: answer.headers.get("age"),
    etag: answer.headers.get("etag"),
    via: answer.headers.get("via"),
  };
}

/** A query of its own makes a request that no cache can know. */
function unheardOf() {
  return `${location.pathname}?visitor=${crypto.getRandomValues(new Uint32Array(2)).join("")}`;
}

function isHit(answer) {
  return /;\s*hit/.test(answer.cache ?? "");
}

function milliseconds(ms) {
  return ms < 10 ? `${ms.toFixed(1)} ms` : `${Math.round(ms)} ms`;
}

function heartbeat(card) {
  const list = card.querySelector(".beats");
  const told = card.querySelector("output");
  const beats = Array.from({ length: 60 }, () => list.appendChild(document.createElement("li")));
  const results = [];
  let asked = 0;
  let lost = 0;
  const beat = async () => {
    if (document.hidden) return;
    let kind = "bad";
    try {
      const answer = await ask(unheardOf(), NO_COPY);
      if (answer.ok) kind = answer.ms > SLOW_MS ? "slow" : "good";
    } catch {
      // The proxy itself is gone.
    }
    asked += 1;
    if (kind === "bad") lost += 1;
    results.push(kind);
    if (results.length > beats.length) results.shift();
    results.forEach((result, index) => (beats[index].className = result));
    told.textContent = `${asked} asked, ${lost === 0 ? "none" : lost} lost`;
  };
  beat();
  setInterval(beat, BEAT_MS);
}

function journey(card) {
  const verdict = card.querySelector(".verdict");
  const facts = card.querySelector(".facts");
  const buttons = [...card.querySelectorAll("button")];
  const show = (sentence, rows) => {
    verdict.textContent = sentence;
    facts.replaceChildren(
      ...rows.flatMap(([name, value]) => {
        const term = document.createElement("dt");
        const said = document.createElement("dd");
        term.textContent = name;
        said.textContent = value;
        return [term, said];
      }),
    );
  };
  const one = async (path) => {
    const answer = await ask(path);
    const way =
      answer.cache === null
        ? "Straight from a replica: there is no proxy between you."
        : isHit(answer)
          ? "From the proxy's cache: no replica was asked."
          : "One of the replicas was asked: the one that had served the fewest.";
    show(way, [
      ["Cache-Status", answer.cache ?? "none"],
      ["took", milliseconds(answer.ms)],
      ["ETag", answer.etag ?? "none"],
      ["Via", answer.via ?? "none"],
    ]);
  };
  const many = async () => {
    const startMs = performance.now();
    const answers = await Promise.all(Array.from({ length: 100 }, () => ask(unheardOf(), NO_COPY)));
    const lost = answers.filter((answer) => !answer.ok).length;
    const hits = answers.filter(isHit).length;
    show(
      lost === 0
        ? "A hundred requests, a hundred answers. Each replica got its half: zoogate status shows the counts."
        : `${lost} of a hundred were lost.`,
      [
        ["answered", String(answers.length - lost)],
        ["by replicas", String(answers.length - lost - hits)],
        ["all together", milliseconds(performance.now() - startMs)],
      ],
    );
  };
  const actions = { again: () => one(location.pathname), fresh: () => one(unheardOf()), many };
  for (const button of buttons)
    button.addEventListener("click", async () => {
      for (const each of buttons) each.disabled = true;
      try {
        await actions[button.dataset.action]();
      } catch {
        show("No answer: is the proxy still running?", []);
      }
      for (const each of buttons) each.disabled = false;
    });
  one(location.pathname).catch(() => {});
}

/** Says so when the site that is live is no longer the one that is shown. */
function news(notice) {
  const paths = [...document.querySelectorAll(".top nav a")].map((link) => link.pathname);
  let shown;
  const look = async () => {
    if (document.hidden) return;
    const tags = await Promise.all(
      paths.map(async (path) => {
        // GET, since the answer to a HEAD fills no cache: after the first look no replica is asked.
        const answer = await ask(path);
        if (!answer.ok) throw new Error(`${answer.status}`);
        return answer.etag;
      }),
    );
    shown ??= tags.join();
    notice.hidden = tags.join() === shown;
  };
  const lookAgain = () => look().catch(() => {}); // The next look may succeed.
  lookAgain();
  setInterval(lookAgain, NEWS_MS);
  notice.querySelector("button").addEventListener("click", () => location.reload());
}

function copyButtons() {
  for (const line of document.querySelectorAll(".run")) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "Copy";
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(line.querySelector("code").textContent);
        button.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(line.querySelector("code"));
      }
      setTimeout(() => (button.textContent = "Copy"), 1500);
    });
    line.append(button);
  }
}

for (const card of document.querySelectorAll("[data-heartbeat]")) heartbeat(card);
for (const card of document.querySelectorAll("[data-journey]")) journey(card);
for (const notice of document.querySelectorAll(".news")) news(notice);
copyButtons();
