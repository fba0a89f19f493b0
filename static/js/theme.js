// Light, dark or as the system says: kept in this browser, set before the first paint (the tag blocks rendering).
const KEY = "theme";
const root = document.documentElement;

const stored = () => {
  try { return localStorage.getItem(KEY) ?? "system"; } catch { return "system"; }
};
const store = (choice) => {
  try { localStorage.setItem(KEY, choice); } catch { /* a browser that keeps nothing still switches this page */ }
};
const apply = (choice) => {
  if (choice === "light" || choice === "dark") root.dataset.theme = choice;
  else delete root.dataset.theme;
};
const show = (choice) => {
  for (const input of document.querySelectorAll("[data-theme-switch] input")) input.checked = input.value === choice;
};

apply(stored());

const wire = () => {
  for (const fieldset of document.querySelectorAll("[data-theme-switch]")) fieldset.hidden = false;
  show(stored());
};
if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", wire);
else wire();

document.addEventListener("change", ({ target }) => {
  if (!target.closest("[data-theme-switch]")) return;
  store(target.value);
  apply(target.value);
  show(target.value);
});
