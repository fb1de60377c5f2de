"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const which = document.getElementById("which"), story = document.getElementById("story");
  const whose = document.getElementById("whose"), find = document.getElementById("find");
  const body = document.querySelector("#calls tbody"), more = document.getElementById("more");
  const MOST = 300;
  // Everything goes in as text, never as markup.
  const make = (name, text, kind) => {
    const one = document.createElement(name);
    if (text !== undefined) one.textContent = text;
    if (kind) one.className = kind;
    return one;
  };
  const span = (seconds) => {
    const s = Math.round(seconds);
    if (s < 100) return s + " s";
    if (s < 6000) return Math.floor(s / 60) + " min";
    if (s < 172800) return Math.floor(s / 3600) + ":" + String(Math.floor(s % 3600 / 60)).padStart(2, "0") + " h";
    return (s / 86400).toFixed(1) + " d";
  };
  const tell = () => {
    const one = data.migrations[Number(which.value)];
    story.replaceChildren(make("p", one.state + ", " + one.users + " users. " + one.why, "quiet"));
    const list = make("ol", undefined, "story");
    for (const [at, who, what, words] of one.events) {
      const item = make("li", undefined, who);
      item.append(make("time", "+" + span((at - one.events[0][0]) / 1000)), make("b", what), make("span", words));
      list.append(item);
    }
    story.append(list);
  };
  const list = () => {
    const text = find.value.trim().toLowerCase(), kind = whose.value, chosen = which ? Number(which.value) : -1;
    const fits = data.calls.filter(([, migration, operation, status, code, , changing, request, correlation]) =>
      (kind !== "one" || migration === chosen) && (kind !== "changing" || changing) &&
      (kind !== "failed" || status === 0 || status >= 400) &&
      (!text || [operation, status, code, request, correlation].some((part) => String(part ?? "").toLowerCase().includes(text))));
    body.replaceChildren(...fits.slice(0, MOST).map(([at, , operation, status, code, took, changing, request, correlation]) => {
      const row = document.createElement("tr");
      row.append(make("td", new Date(at * 1000).toISOString().slice(0, 19).replace("T", " ")),
        make("td", operation, changing ? "changes" : ""), make("td", status || "no answer", status && status < 400 ? "" : "bad"),
        make("td", code ?? ""), make("td", took + " ms"), make("td", correlation, "id"), make("td", request, "id"));
      return row;
    }));
    more.textContent = fits.length > MOST ? MOST + " of " + fits.length + " shown" : fits.length + " calls";
  };
  if (which) which.addEventListener("change", () => { tell(); list(); });
  whose.addEventListener("change", list);
  find.addEventListener("input", list);
  list();
})();
