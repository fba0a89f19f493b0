// Light, dark or as the system says: kept in this browser. No module: it runs before anything is drawn.
"use strict";
{
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

  // A transition from or to a page that has none simply does not happen.
  for (const name of ["pageswap", "pagereveal"]) {
    addEventListener(name, ({ viewTransition: transition }) => {
      for (const promise of [transition?.ready, transition?.finished]) promise?.catch(() => {});
    });
  }

  // What needs script to work is shown only where there is script.
  root.classList.add("scripted");
  apply(stored());

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", () => show(stored()));
  else show(stored());

  document.addEventListener("change", ({ target }) => {
    if (!target.closest("[data-theme-switch]")) return;
    store(target.value);
    apply(target.value);
    show(target.value);
  });
}
