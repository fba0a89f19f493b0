// Light, dark or as the system says: a cookie of this browser. No module: it runs before anything is drawn.
"use strict";
{
  const root = document.documentElement;
  const prefix = location.protocol === "https:" ? "__Host-" : "";
  const chosen = () => document.cookie.match(`(?:^|; )${prefix}theme=(light|dark)`)?.[1] ?? "system";
  const apply = (choice) => {
    if (choice === "system") delete root.dataset.theme;
    else root.dataset.theme = choice;
    for (const button of document.querySelectorAll("[data-theme-switch] button")) button.ariaPressed = button.value === choice;
  };

  // A transition from or to a page that has none simply does not happen.
  for (const name of ["pageswap", "pagereveal"]) {
    addEventListener(name, ({ viewTransition: transition }) => {
      for (const promise of [transition?.ready, transition?.finished]) promise?.catch(() => {});
    });
  }

  // What needs script to work is shown only where there is script.
  root.classList.add("scripted");
  apply(chosen());
  // A page of before the choice, from the browser's memory.
  addEventListener("pageshow", () => apply(chosen()));

  document.addEventListener("submit", (event) => {
    if (!event.target.matches("[data-theme-switch]")) return;
    event.preventDefault();
    document.cookie = `${prefix}theme=${event.submitter.value}; path=/; max-age=31536000; samesite=lax${prefix && "; secure"}`;
    apply(chosen());
  });
}
