// What the game says in words: the score, the clock, who has won, what is wrong.

import { colourOf, me } from "/shared/me.js";

const $ = (id) => document.getElementById(id);
let trouble = false;

export function showScores({ players }, latencies) {
  const sorted = [...players].sort((a, b) => b.score - a.score || a.name.localeCompare(b.name));
  // Rows are made anew only when something is different: readers and eyes rest.
  const key = JSON.stringify(sorted.map(({ id, name, score }) => [id, name, score]));
  if ($("scores").dataset.key !== key) {
    $("scores").dataset.key = key;
    $("scores").replaceChildren(...sorted.map(row));
  }
  const median = [...latencies].sort((a, b) => a - b)[Math.floor(latencies.length / 2)];
  $("latency").textContent = median === undefined ? "–" : `${Math.round(median)} ms`;
}

function row({ id, name, score }) {
  const item = document.createElement("li");
  item.dataset.person = colourOf(id);
  if (id === me.id) item.className = "me";
  const label = Object.assign(document.createElement("span"), { textContent: id === me.id ? `${name} (you)` : name });
  item.append(label, Object.assign(document.createElement("b"), { textContent: score }));
  return item;
}

export function showRound({ playing, leftMs, players }) {
  const seconds = Math.ceil(leftMs / 1000);
  $("left").textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  $("phase").textContent = playing ? "left in this round" : "to the next round";
  if (trouble) return;
  if (playing) return overlay();
  const best = Math.max(...players.map(({ score }) => score));
  const winners = players.filter(({ score }) => score === best);
  if (winners.length > 1) overlay("A draw", `${winners.map(({ name }) => name).join(" and ")}: ${best} each`);
  else overlay(winners[0].id === me.id ? "You win!" : `${winners[0].name} wins`, `with ${best} coins`);
}

/** Says what is wrong; without a title, that all is well again. */
export function showTrouble(title, text) {
  if (title) overlay(title, text);
  else if (trouble) overlay();
  trouble = Boolean(title);
}

function overlay(title = "", text = "") {
  const [head, line] = $("overlay").children;
  $("overlay").classList.toggle("shown", title !== "");
  if (title === "" || (head.textContent === title && line.textContent === text)) return;
  head.textContent = title;
  line.textContent = text;
}
