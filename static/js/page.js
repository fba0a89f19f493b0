// What every page does: tells the server the reader's time zone, searches on "/", copies, says what changed.
const root = document.documentElement;

// The server writes times in the zone of this cookie; a page already written in another one is asked for again.
const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
const prefix = location.protocol === "https:" ? "__Host-" : "";
const told = () => document.cookie.split("; ").includes(`${prefix}zone=${timeZone}`);
if (timeZone && !told()) {
  document.cookie = `${prefix}zone=${timeZone}; path=/; max-age=31536000; samesite=lax${prefix && "; secure"}`;
  document.addEventListener("htmx:after:init", ({ target }) => {
    if (told() && target.id === "page" && target.querySelector("time")) document.body.dispatchEvent(new CustomEvent("changed"));
  });
}

const typing = (element) => element.closest("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]");
document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
  const field = document.querySelector("input[type=search]") ?? document.querySelector("[data-seek]");
  if (!field) return;
  event.preventDefault();
  if (field.matches("a")) field.click();
  else field.select();
});
if (location.hash === "#id_q") document.querySelector("#id_q")?.focus();

const say = (words) => {
  document.getElementById("said").textContent = words;
};
document.addEventListener("click", async ({ target }) => {
  const button = target.closest("[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent.trim());
  const label = button.querySelector("span");
  const before = label.textContent;
  label.textContent = button.dataset.done;
  say(button.dataset.done);
  setTimeout(() => { label.textContent = before; }, 2000);
});

// An open menu closes when one clicks elsewhere or presses Esc.
const close = (menu) => {
  menu.open = false;
};
document.addEventListener("click", ({ target }) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) if (!menu.contains(target)) close(menu);
});
document.addEventListener("keydown", (event) => {
  const menu = event.key === "Escape" && document.querySelector("details.menu[open]");
  if (!menu) return;
  event.stopImmediatePropagation();
  close(menu);
  menu.querySelector("summary").focus();
}, { capture: true });

// What is not asked for stays out of the address of a filtered page.
document.addEventListener("htmx:config:request", ({ target, detail }) => {
  if (!target.matches("[data-filters]")) return;
  const { body } = detail.ctx.request;
  for (const [name, value] of [...body]) if (value === "") body.delete(name);
});

// Asking again for what is shown is no step that "back" would have to undo.
document.addEventListener("htmx:before:history:update", ({ detail }) => {
  if (new URL(detail.history.path, location.href).href === location.href) detail.history.type = "replace";
});

// Words typed before the filters listen are sought once they do.
const unsought = (field) => field && field.value !== (new URLSearchParams(location.search).get("q") ?? "");
document.addEventListener("htmx:after:init", ({ target }) => {
  const field = target.matches("[data-filters]") && target.querySelector("#id_q");
  if (unsought(field)) field.dispatchEvent(new Event("input", { bubbles: true }));
});

// A page that looks at itself anew gives way to words being typed, and to another page that one went to meanwhile.
document.addEventListener("htmx:before:swap", (event) => {
  if (event.target.id !== "page") return;
  const { pathname, search } = new URL(event.detail.ctx.request.action, location.href);
  const left = pathname + search !== location.pathname + location.search;
  if (left || unsought(document.querySelector("[data-filters] #id_q"))) event.preventDefault();
});

// Numbers that moved say so, to the eye and to the ear.
const spoken = () => new Map([...document.querySelectorAll("[data-spoken]")].map((part) => [part.dataset.spoken, part.textContent.replace(/\s+/g, " ").trim()]));
let before = new Map();
document.addEventListener("htmx:before:swap", () => {
  before = spoken();
});
document.addEventListener("htmx:after:swap", () => {
  for (const [name, words] of spoken()) {
    if (!before.has(name) || before.get(name) === words) continue;
    say(words);
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) continue;
    document.querySelector(`[data-spoken="${name}"]`).animate([{ opacity: 0.2, transform: "translateY(6px)" }, {}], { duration: 400, easing: "ease-out" });
  }
});

// A row that leaves hands the focus to the one that takes its place.
let heir;
document.addEventListener("htmx:before:request", ({ target }) => {
  const row = target.closest("main li[id]");
  heir = row && (row.nextElementSibling ?? row.previousElementSibling)?.id;
});
document.addEventListener("htmx:after:swap", () => {
  if (heir && document.activeElement === document.body) document.getElementById(heir)?.querySelector("a, button").focus();
  heir = undefined;
});

// What never arrived, or broke on the server, is said where one looks; what is shown stays as it was.
const fail = (element) => {
  if (element.id === "page") return element.dispatchEvent(new CustomEvent("stale", { bubbles: true }));
  document.querySelector("main > [role=alert]")?.remove();
  document.querySelector("main").prepend(document.getElementById("lost").content.cloneNode(true));
};
document.addEventListener("htmx:error", ({ target }) => fail(target));
document.addEventListener("htmx:before:swap", (event) => {
  if (event.detail.ctx.response.status < 500) return;
  event.preventDefault();
  fail(event.target);
});

// The picture that was clicked grows into the viewer.
document.addEventListener("click", ({ target }) => {
  target.closest(".tile > a")?.querySelector("figure").classList.add("going");
});
addEventListener("pageshow", () => document.querySelector(".going")?.classList.remove("going"));
