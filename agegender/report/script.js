"use strict";

// Tables that sort: a click on a column's head sorts by it, a second one the other way round.
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  const value = (row, column) => {
    const cell = row.cells[column];
    const sort = cell.dataset.sort ?? cell.textContent.trim();
    const number = Number.parseFloat(sort.replace("−", "-"));
    return Number.isNaN(number) ? sort.toLowerCase() : number;
  };
  const compare = (a, b) => {
    if (typeof a === typeof b) return a < b ? -1 : a > b ? 1 : 0;
    return typeof a === "number" ? -1 : 1;
  };
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const direction = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
      heads.forEach((each) => each.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", direction === 1 ? "ascending" : "descending");
      const body = table.tBodies[0];
      const rows = [...body.rows];
      rows.sort((a, b) => direction * compare(value(a, column), value(b, column)));
      body.append(...rows);
    });
  });
}

// On paper nothing can be unfolded.
window.addEventListener("beforeprint", () => {
  for (const each of document.querySelectorAll("details")) each.open = true;
});

// Wall-clock times, from the file that the report's stage writes next to this one.
function duration(seconds) {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 600) return `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 120 ? `${minutes} min` : `${(seconds / 3600).toFixed(1)} h`;
}

function showTimes(times) {
  let total = 0;
  let missing = false;
  const machines = new Set();
  const table = document.getElementById("costs");
  // A stage's record, if it is of the results that this page shows.
  const own = (stage) => {
    const row = [...table.tBodies[0].rows].find((each) => each.dataset.stage === stage);
    return row && times[stage]?.key === row.dataset.key ? times[stage] : undefined;
  };
  for (const row of table.tBodies[0].rows) {
    const record = own(row.dataset.stage);
    if (!record) {
      missing = true;
      continue;
    }
    total += record.seconds;
    if (record.machine) machines.add(record.machine);
    row.cells[1].textContent = duration(record.seconds);
    row.cells[1].dataset.sort = record.seconds;
    const place = document.querySelector(`[data-training="${row.dataset.stage}"]`);
    if (!place) continue;
    const epochs = record.epoch_seconds ?? [];
    const parts = [`${duration(record.seconds)} in all`];
    if (epochs.length) parts.unshift(`${duration(epochs.reduce((sum, each) => sum + each, 0) / epochs.length)} per epoch`);
    const before = own(place.dataset.before);
    if (before) parts.push(`after ${duration(before.seconds)} for the embeddings`);
    place.textContent = parts.join(", ");
  }
  if (!total) return;
  const foot = table.createTFoot().insertRow();
  const head = document.createElement("th");
  head.scope = "row";
  head.textContent = missing ? "All that are known" : "All together";
  foot.append(head);
  foot.insertCell().textContent = duration(total);
  foot.cells[1].className = "number";
  if (!missing) document.getElementById("untimed").hidden = true;
  if (machines.size) {
    const machine = document.getElementById("machine");
    machine.textContent = `Computed on ${[...machines].join(" and ")}.`;
    machine.hidden = false;
  }
}

const script = document.createElement("script");
script.src = "timings.js";
script.addEventListener("load", () => showTimes(window.timings ?? {}));
document.head.append(script);
