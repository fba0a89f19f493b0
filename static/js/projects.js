// The projects page: a running count of what is selected, and where the focus goes.
const picked = () => [...document.querySelectorAll(".picker:checked")];
const all = () => [...document.querySelectorAll(".picker")];

// 1 kB is 1,024 bytes, as everywhere here; one decimal below ten.
const language = document.documentElement.lang;
const short = (number) => new Intl.NumberFormat(language, { maximumFractionDigits: number < 9.95 ? 1 : 0 }).format(number);
const size = (bytes, unit) => {
  if (bytes < 1024) return `${short(bytes)} ${unit}`;
  return bytes < 1_048_576 ? `${short(bytes / 1024)} kB` : `${short(bytes / 1_048_576)} MB`;
};

const tally = () => {
  const bar = document.getElementById("pick");
  if (!bar) return;
  const boxes = picked();
  bar.querySelector("[data-count]").textContent = boxes.length;
  const frees = bar.querySelector("[data-frees]");
  frees.textContent = size(boxes.reduce((sum, box) => sum + Number(box.dataset.bytes), 0), frees.dataset.unit);
};

let last;
document.addEventListener("click", (event) => {
  const { target } = event;
  if (target.closest("[data-pick-all]")) for (const box of all()) box.checked = true;
  if (target.closest("[data-pick-none]")) for (const box of all()) box.checked = false;
  if (target.matches(".picker")) {
    // Shift selects from the one before to this one.
    const boxes = all();
    const [from, to] = [boxes.indexOf(last), boxes.indexOf(target)].sort((a, b) => a - b);
    if (event.shiftKey && from >= 0) for (const box of boxes.slice(from, to)) box.checked = target.checked;
    last = target;
  }
  tally();
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !picked().length) return;
  for (const box of picked()) box.checked = false;
  tally();
});

// After a delete the focus goes to the project that took the place.
let next;
document.addEventListener("htmx:before:request", ({ target }) => {
  if (!target.closest("#pick")) return;
  const boxes = all();
  const gone = boxes.findLastIndex((box) => box.checked);
  const left = boxes.slice(gone + 1).find((box) => !box.checked) ?? boxes.slice(0, gone).findLast((box) => !box.checked);
  next = left && `p-${left.value}`;
});
document.addEventListener("htmx:after:swap", () => {
  tally();
  if (next) document.getElementById(next)?.querySelector("a").focus();
  next = undefined;
});
tally();
