// The projects page: "/" searches, a changed filter applies itself, one box selects the whole page.
const filters = document.querySelector("[data-filters]");
const boxes = () => [...document.querySelectorAll("[data-pick]")];
const all = document.querySelector("[data-pick-all]");
const words = document.querySelector("[data-pick-tally]");
const count = document.querySelector("[data-pick-count]");

document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, textarea, select")) return;
  event.preventDefault();
  filters?.querySelector("[type=search]").focus();
});

filters?.addEventListener("change", ({ target }) => {
  if (target.matches("select")) filters.requestSubmit();
});

// What is not asked for stays out of the address.
filters?.addEventListener("submit", () => {
  for (const field of filters.elements) field.disabled = field.name !== "" && field.value === "";
});
addEventListener("pageshow", () => {
  for (const field of filters?.elements ?? []) field.disabled = false;
});

const tally = () => {
  const picked = boxes().filter((box) => box.checked).length;
  if (count) count.textContent = picked;
  if (words) words.hidden = false;
  if (!all) return;
  all.checked = picked > 0 && picked === boxes().length;
  all.indeterminate = picked > 0 && !all.checked;
};

if (all) all.closest("[hidden]")?.removeAttribute("hidden");
document.addEventListener("change", ({ target }) => {
  if (target === all) for (const box of boxes()) box.checked = all.checked;
  tally();
});
tally();
