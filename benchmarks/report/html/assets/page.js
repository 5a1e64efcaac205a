"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const data = JSON.parse(byId("data").textContent);
  const form = byId("filters"), cards = byId("cards"), count = byId("count");
  const PER_PAGE = 10;
  let images = null, found = [], page = 0;

  const el = (name, given, ...inner) => {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(given || {})) {
      if (value !== null && value !== undefined) made.setAttribute(key, value);
    }
    made.append(...inner.filter((one) => one !== null && one !== undefined));
    return made;
  };
  const number = (value, digits = 3) =>
    value === null || value === undefined ? "–" : value.toFixed(digits).replace(/\.?0+$/, "").replace(/^-0$/, "0");
  const signed = (value) => (value > 0 ? "+" : "") + number(value);
  const picture = (name) => {
    images = images || JSON.parse(byId("images").textContent);
    return images[name];
  };

  // Which entries are shown, and in which order.
  const verdict = (m) => (m.correct === true ? "right" : m.correct === false ? "wrong" : "abstained");
  const fits = (m, f) =>
    (!f.outcome || verdict(m) === f.outcome) &&
    (!f.request || m.asked === (f.request === "asked")) &&
    (!f.disagrees || m.disagrees);
  const filters = () => {
    const f = Object.fromEntries(new FormData(form));
    f.disagrees = form.elements.disagrees.checked;
    return f;
  };
  const SORTS = {
    order: null,
    regret: (e) => -Math.max(...e.members.map((m) => m.regret ?? -Infinity)),
    reward: (e) => Math.min(...e.members.map((m) => m.reward)),
    spread: (e) => -(e.spread ?? -Infinity),
  };
  const select = () => {
    const f = filters();
    found = data.entries.filter((e) => {
      const s = data.samples[e.sample];
      return e.kind === f.kind && (!f.run || e.run === Number(f.run)) &&
        (!f.family || s.family === f.family) && (!f.need || String(s.needs_high_res) === f.need) &&
        e.members.some((m) => fits(m, f));
    });
    const key = SORTS[f.sort];
    if (key) {
      const rank = (e) => { const r = key(e); return Number.isNaN(r) ? Infinity : r; };
      found = found.map((e, i) => [rank(e), i, e]).sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : a[1] - b[1])).map((x) => x[2]);
    }
    page = 0;
    draw();
  };

  // One episode.
  const seen = (m, s) => {
    const tools = m.turns.map((t) => t.tool).filter(Boolean);
    return el("div", { class: "seen" }, ...m.images.map((one, i) => {
      const what = i === 0 ? "Low view" : tools[i - 1] === "crop" ? "Crop" : tools[i - 1] === "resize" ? "Sharper view" : `Image of ${tools[i - 1]}`;
      const size = `${one.size[0]} × ${one.size[1]} pixels`;
      if (!one.name) return el("figure", {}, el("figcaption", {}, `${what}, ${size}: left out of this page`));
      const alt = `${what} of ${s.sample_id}, ${size}${one.box ? "; the place of the answer is outlined" : ""}`;
      const pic = el("div", { class: "pic" }, el("img", { src: picture(one.name), alt, width: one.size[0], height: one.size[1], loading: "lazy" }));
      if (one.box) {
        const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
        svg.setAttribute("viewBox", "0 0 1 1");
        svg.setAttribute("preserveAspectRatio", "none");
        svg.setAttribute("aria-hidden", "true");
        const rect = document.createElementNS("http://www.w3.org/2000/svg", "rect");
        const [l, t, r, b] = one.box;
        Object.entries({ x: l, y: t, width: r - l, height: b - t }).forEach(([k, v]) => rect.setAttribute(k, v));
        svg.append(rect);
        pic.append(svg);
      }
      return el("figure", {}, pic, el("figcaption", {}, `${what}, ${size}`));
    }));
  };
  const simpleTable = (caption, head, rows) => {
    const cells = (row) => row.map((c, i) => (i ? el("td", {}, c) : el("th", { scope: "row" }, c)));
    return el("table", {}, el("caption", {}, caption),
      el("thead", {}, el("tr", {}, ...head.map((h) => el("th", { scope: "col" }, h)))),
      el("tbody", {}, ...rows.map((row) => el("tr", {}, ...cells(row)))));
  };
  const step = (share) => (share > 0.66 ? 3 : share > 0.33 ? 2 : 1);
  const LOGPROBS = [[-0.05, ""], [-0.5, "l1"], [-1.5, "l2"], [-Infinity, "l3"]];
  const shade = (tokens, i, how, most) => {
    if (!tokens.loss_mask[i]) return "given";
    if (how === "loss_mask") return "s m1";
    const value = tokens[how][i];
    if (value === null) return "s";
    if (how === "logprob") return `s ${LOGPROBS.find(([least]) => value >= least)[1]}`;
    return Math.abs(value) < 1e-9 ? "s" : `s ${value > 0 ? "p" : "n"}${step(Math.abs(value) / most)}`;
  };
  const LEGENDS = {
    advantage: "Blue: made likelier; orange: made less likely; the stronger, the larger the advantage within the group. Underlined: sampled.",
    logprob: "The darker, the less likely the token was to the sampler: below −0.05, −0.5 and −1.5 nats. Underlined: sampled.",
    loss_mask: "Green: trained on. The rest was given.",
  };
  const brief = (text) => (text.length > 700 ? `${text.slice(0, 340)} … ${text.slice(-340)}` : text);
  const tokenView = (m, entry) => {
    const t = m.tokens, how = form.elements.color.value;
    const most = Math.max(1e-9, ...entry.members.flatMap((o) => (o.tokens ? o.tokens.advantage.map((v) => Math.abs(v || 0)) : [])));
    const sampled = t.loss_mask.filter(Boolean).length;
    const spans = t.text.map((text, i) => {
      const told = t.image_tokens[i] ? `[image, ${t.image_tokens[i]} tokens]` : t.loss_mask[i] ? text : brief(text);
      const title = t.loss_mask[i] ? `log-prob ${number(t.logprob[i], 4)}, advantage ${number(t.advantage[i], 4)}` : null;
      return el("span", { class: shade(t, i, how, most), title }, told);
    });
    const label = `${sampled} sampled tokens, advantage ${number(m.advantage)}, log-prob in all ${number(t.logprob.reduce((a, b) => a + (b || 0), 0), 2)}`;
    return el("div", {}, el("p", { class: "faint" }, `Tokens: ${label}. ${LEGENDS[how]}`),
      el("div", { class: "tokens", role: "group", "aria-label": `Tokens: ${label}`, "data-color": how }, ...spans));
  };
  const transcript = (m) => el("div", {}, ...m.turns.flatMap((t) => [
    t.feedback ? el("p", { class: "turn tool" }, t.feedback) : null,
    el("p", { class: "turn" }, t.action || "(nothing)"),
  ]).filter(Boolean));
  const badges = (m) => {
    const [kind, told] = { right: ["good", "right"], wrong: ["bad", "wrong"], abstained: ["warn", `judge abstained${m.abstained ? `: ${m.abstained}` : ""}`] }[verdict(m)];
    return el("div", { class: "badges" },
      el("span", { class: `badge ${kind}` }, told),
      el("span", { class: "badge" }, m.forced ? `made to ${m.forced}` : m.asked ? "asked" : "answered at once"),
      m.disagrees ? el("span", { class: "badge warn" }, "disagrees with oracle") : null,
      m.ending !== "answered" ? el("span", { class: "badge bad" }, `ended: ${m.ending}`) : null,
      ...m.problems.map((p) => el("span", { class: "badge warn" }, p)),
      m.regret === null ? null : el("span", { class: `badge ${m.regret > 0.2 ? "bad" : ""}` }, `regret ${number(m.regret)}`));
  };
  const memberView = (m, entry, s) => {
    const terms = Object.entries(m.reward_terms).map(([name, value]) => [name.replaceAll("_", " "), signed(value)]);
    const answer = el("p", { class: "ask" }, el("b", {}, "Answer: "), m.prediction === null ? `none (${m.ending})` : m.prediction);
    const facts = el("div", { class: "facts" }, simpleTable(`Reward ${number(m.reward)}`, ["term", "value"], [...terms, ["tokens", `${number(100 * m.share, 0)}% of a pass`]]));
    const start = entry.start;
    if (start) {
      const row = (name, told) => [start.oracle === name ? `${told} (oracle)` : told, verdict(start[name]), start[name].prediction ?? "–", number(start[name].reward)];
      facts.append(simpleTable("The model before RL", ["", "verdict", "answer", "reward"], [row("answer", "answers at once"), row("request", "asks")]));
    }
    const wrote = m.tokens ? tokenView(m, entry) : transcript(m);
    return el("div", { class: "view" }, m.images.length ? seen(m, s) : null, el("div", { class: "wrote" }, badges(m), wrote, answer, facts));
  };
  const side = (entry, s, f) => {
    const name = data.runs[entry.run];
    const several = data.runs.length > 1;
    const where = entry.kind === "training" ? `iteration ${entry.iteration}, group ${entry.group + 1}` : "";
    const title = [several ? name : "", where].filter(Boolean).join(": ");
    const body = el("div", { class: entry.members.length > 1 ? "body grouped" : "body" });
    const box = el("div", { class: "side" }, title ? el("h4", {}, title) : null, body);
    let chosen = Math.max(0, entry.members.findIndex((m) => fits(m, f)));
    const view = el("div", {}, memberView(entry.members[chosen], entry, s));
    if (entry.members.length > 1) {
      const buttons = entry.members.map((m, i) => {
        const button = el("button", { type: "button", "aria-pressed": String(i === chosen), "aria-label": `Show episode ${i + 1}` }, String(i + 1));
        button.addEventListener("click", () => {
          buttons[chosen].setAttribute("aria-pressed", "false");
          chosen = i;
          button.setAttribute("aria-pressed", "true");
          view.replaceChildren(memberView(m, entry, s));
        });
        return button;
      });
      const asked = entry.members.filter((m) => m.asked).length, right = entry.members.filter((m) => m.correct).length;
      const rows = entry.members.map((m, i) => [buttons[i], m.forced ? `${m.asked ? "yes" : "no"} (forced)` : m.asked ? "yes" : "no", verdict(m), number(m.reward), m.advantage === null ? "–" : signed(m.advantage)]);
      const caption = `The group: ${asked} of ${rows.length} asked, ${right} right, spread ${number(entry.spread)}`;
      body.append(el("div", { class: "scroll members", tabindex: "0", role: "group", "aria-label": caption }, simpleTable(caption, ["episode", "asked", "verdict", "reward", "advantage"], rows)));
    }
    body.append(view);
    return box;
  };
  const besideOf = (entry, run) => {
    const same = data.entries.filter((e) => e.kind === entry.kind && e.run === run && e.sample === entry.sample);
    return same.find((e) => e.iteration === entry.iteration) || same[0];
  };
  const NEED = { true: ["warn", "needs the sharper image"], false: ["good", "low view is enough"], null: ["", "need not known"] };
  const card = (entry, f) => {
    const s = data.samples[entry.sample], [kind, told] = NEED[String(s.needs_high_res)];
    const sides = el("div", { class: "sides" }, side(entry, s, f));
    if (f.beside !== "" && Number(f.beside) !== entry.run) {
      const other = besideOf(entry, Number(f.beside));
      sides.append(other ? side(other, s, {}) : el("div", { class: "side" }, el("h4", {}, data.runs[Number(f.beside)]), el("p", { class: "faint" }, "Has no episode on this sample here.")));
    }
    const choices = s.choices ? ` (${s.choices.map((c, i) => `${String.fromCharCode(65 + i)} ${c}`).join(", ")})` : "";
    return el("li", {}, el("article", {},
      el("h3", {}, `${s.sample_id}, ${s.family}`),
      el("div", { class: "badges" }, el("span", { class: `badge ${kind}` }, told), s.why ? el("span", { class: "faint" }, s.why) : null),
      el("p", { class: "ask" }, el("b", {}, "Question: "), `${s.question}${choices} `, el("b", {}, "Right: "), s.references.join(" or ")),
      sides));
  };

  const draw = () => {
    const f = filters(), first = page * PER_PAGE, last = Math.min(found.length, first + PER_PAGE);
    const what = f.kind === "training" ? "groups" : "episodes";
    cards.replaceChildren(...found.slice(first, last).map((e) => card(e, f)));
    count.textContent = found.length ? `${found.length} ${what}; ${first + 1} to ${last} are shown.` : `No ${what} are like that.`;
    const pages = Math.max(1, Math.ceil(found.length / PER_PAGE));
    byId("place").textContent = `Page ${page + 1} of ${pages}`;
    byId("previous").disabled = page === 0;
    byId("next").disabled = page + 1 >= pages;
  };
  const turn = (by) => {
    page += by;
    draw();
    byId("h-gallery").focus();
  };

  // What can be chosen.
  const fill = (name, options) => form.elements[name].append(...options.map(([value, text]) => el("option", { value }, text)));
  const numbered = data.runs.map((name, i) => [i, name]);
  fill("run", numbered.length > 1 ? [["", "all"], ...numbered] : numbered);
  fill("beside", [["", "none"], ...(numbered.length > 1 ? numbered : [])]);
  const families = [...new Set(Object.values(data.samples).map((s) => s.family))].sort();
  fill("family", families.map((name) => [name, name]));
  const kinds = new Set(data.entries.map((e) => e.kind));
  for (const option of form.elements.kind.options) option.disabled = !kinds.has(option.value);
  const home = kinds.has("evaluation") || !kinds.size ? "evaluation" : "training";
  form.elements.kind.value = home;
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("change", (event) => (event.target.name === "color" ? draw() : select()));
  form.addEventListener("reset", () => setTimeout(() => { form.elements.kind.value = home; select(); }));
  byId("previous").addEventListener("click", () => turn(-1));
  byId("next").addEventListener("click", () => turn(1));
  select();
})();
